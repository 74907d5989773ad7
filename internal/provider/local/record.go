package local

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/agent/boot"
	"github.com/runs-fleet/runs-fleet/internal/provider"
)

// process identifies a process of this machine beyond the reuse of its number.
type process struct {
	PID int `json:"pid,omitempty"`
	// Start is in ticks since the machine's boot, Boot that boot's random id.
	Start uint64 `json:"start,omitempty"`
	Boot  string `json:"boot,omitempty"`
}

// record is the state file of an instance.
type record struct {
	Instance  provider.Instance `json:"instance"`
	Isolation boot.Isolation    `json:"isolation"`
	Slot      int               `json:"slot"`
	UID       int               `json:"uid"`
	GID       int               `json:"gid"`
	// Process is empty until the process runs. It gets its configuration only after this was written.
	Process process `json:"process,omitzero"`
	// Groups are the folders of its control groups.
	Groups []string `json:"groups,omitempty"`
	// TokenHash is of the single-use token; KeyHash of the key that it was used with, empty before.
	TokenHash string    `json:"token_hash"`
	KeyHash   string    `json:"key_hash,omitempty"`
	Ended     time.Time `json:"ended,omitzero"`
}

// launch is the file of a launch. It is written before any of its instances is started.
type launch struct {
	Request   provider.Request       `json:"request"`
	At        time.Time              `json:"at"`
	Instances []string               `json:"instances,omitempty"`
	Errors    []provider.LaunchError `json:"errors,omitempty"`
}

// Files and folders below Options.Dir.
const (
	instancesFolder = "instances"
	launchesFolder  = "launches"
	stateFile       = "state.json"
	bootLog         = "boot.log"
	logsFolder      = "logs"
	ownFolder       = "box"
)

// launchID is what may be both an idempotency token and a file name.
var launchID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

func (p *Provider) instanceFolder(id string) string {
	return filepath.Join(p.options.Dir, instancesFolder, id)
}

func (p *Provider) launchFile(id string) string {
	return filepath.Join(p.options.Dir, launchesFolder, id+".json")
}

func (p *Provider) saveRecord(r *record) error {
	return writeJSON(filepath.Join(p.instanceFolder(r.Instance.ID), stateFile), r)
}

// writeJSON replaces a file so that a crash leaves either the old or the new content.
func writeJSON(path string, v any) (err error) {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("writing %s: %w", filepath.Base(path), err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".writing-*") // mode 0600
	if err != nil {
		return fmt.Errorf("writing %s: %w", filepath.Base(path), err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("writing %s: %w", filepath.Base(path), err), os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	return nil
}

func readJSON(path string, into any) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading a state file: %w", err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	return nil
}
