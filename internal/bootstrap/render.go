// Package bootstrap is how a machine that is nothing but stock Ubuntu 24.04 gets its agent: the script that it runs at its first
// boot, as user data, and the control plane's end of the fetch. The agent is named by its digest, so that a machine runs what the
// control plane of its launch had, or nothing.
package bootstrap

import (
	"bytes"
	_ "embed" // for the script
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// Script is what a machine has to know. All of it is common to a launch, and none of it is a secret.
type Script struct {
	// ControlPlane is the address at which agents say hello: http(s)://HOST, without a path.
	ControlPlane string
	Fleet        string
	// AMD64 and ARM64 are the SHA-256 of the agent for the architecture, in hexadecimal; empty if there is none.
	AMD64, ARM64 string
	// Boot is how long a machine may take until its agent is started; after that it powers off.
	Boot time.Duration
}

//go:embed bootstrap.sh
var body string

// MaxBytes is the most user data that EC2 takes, before it is encoded (page "user-data").
const MaxBytes = 16 << 10

var (
	sha256Form = regexp.MustCompile(`^[0-9a-f]{64}$`)
	fleetForm  = regexp.MustCompile(`^[0-9A-Za-z-]{1,64}$`)
	hostForm   = regexp.MustCompile(`^[0-9A-Za-z.:\[\]-]+$`)
)

func (s Script) check() error {
	u, err := url.Parse(s.ControlPlane)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || !hostForm.MatchString(u.Host) || strings.Trim(u.Path, "/") != "" ||
		u.RawQuery != "" || u.User != nil:
		return fmt.Errorf("%q is no address of a control plane: write https://HOST, without a path", s.ControlPlane)
	case !fleetForm.MatchString(s.Fleet):
		return fmt.Errorf("%q is no id of a fleet", s.Fleet)
	case s.AMD64 == "" && s.ARM64 == "":
		return errors.New("there is no agent for any architecture")
	case s.Boot < time.Minute:
		return fmt.Errorf("%s are not enough to boot", s.Boot)
	}
	for _, digest := range []string{s.AMD64, s.ARM64} {
		if digest != "" && !sha256Form.MatchString(digest) {
			return fmt.Errorf("%q is no SHA-256", digest)
		}
	}
	return nil
}

// Render makes the user data: the same for the same Script, byte for byte, since the name of a launch template is the hash of it.
func (s Script) Render() ([]byte, error) {
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("writing the bootstrap script: %w", err)
	}
	var b bytes.Buffer
	b.WriteString("#!/bin/bash\nset -Eeuo pipefail\n")
	for _, v := range []struct{ name, value string }{ // each has been checked to need no quoting
		{"control_plane", strings.TrimSuffix(s.ControlPlane, "/")},
		{"fleet", s.Fleet},
		{"agent_amd64", s.AMD64},
		{"agent_arm64", s.ARM64},
		{"boot_seconds", fmt.Sprint(int(s.Boot.Seconds()))},
	} {
		fmt.Fprintf(&b, "%s='%s'\n", v.name, v.value)
	}
	b.WriteString(body)
	if b.Len() > MaxBytes {
		return nil, fmt.Errorf("the bootstrap script has %d bytes, and EC2 takes %d", b.Len(), MaxBytes)
	}
	return b.Bytes(), nil
}
