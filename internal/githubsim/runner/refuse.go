package runner

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/nektos/act/pkg/model"
	"gopkg.in/yaml.v3"
)

// maxActionDepth is how deep local actions may use one another: GitHub's own limit.
const maxActionDepth = 10

// refuse returns an error for every part of the job that this stand-in does not run: what would be fetched from
// elsewhere and executed, and what needs Docker.
func refuse(job *model.Job, workspace string) error {
	var refused []error
	say := func(format string, values ...any) { refused = append(refused, fmt.Errorf(format, values...)) }
	if job.Uses != "" {
		say("this job calls the reusable workflow %s, which a simulated runner does not run", job.Uses)
	}
	if job.RawContainer.Kind != 0 {
		say("this job asks for a container, which a simulated runner does not start; remove `container:`")
	}
	if len(job.Services) > 0 {
		say("this job asks for service containers, which a simulated runner does not start; remove `services:`")
	}
	for i, step := range job.Steps {
		if step == nil {
			say("step %d is empty", i+1)
			continue
		}
		if err := refuseStep(step, workspace, 0); err != nil {
			say("step %d: %w", i+1, err)
		}
	}
	if len(job.Steps) == 0 && job.Uses == "" {
		say("this job has no steps")
	}
	if len(refused) > 0 {
		say("nothing of this job was started")
	}
	return errors.Join(refused...)
}

func refuseStep(step *model.Step, workspace string, depth int) error {
	switch step.Type() {
	case model.StepTypeRun:
		return nil
	case model.StepTypeUsesActionLocal:
		return refuseAction(step.Uses, workspace, depth)
	case model.StepTypeUsesDockerURL:
		return fmt.Errorf("it uses %s, and a simulated runner starts no containers", step.Uses)
	case model.StepTypeUsesActionRemote:
		return fmt.Errorf("it uses the remote action %s, and a simulated runner fetches no code; use `run:` or a local action", step.Uses)
	default:
		return errors.New("it is neither `run:` nor `uses:` of an action")
	}
}

// refuseAction looks into a local action, which may itself use what is refused.
func refuseAction(uses, workspace string, depth int) error {
	if depth > maxActionDepth {
		return fmt.Errorf("it uses %s, and local actions use one another more than %d deep", uses, maxActionDepth)
	}
	folder := filepath.Join(workspace, uses)
	if inside, err := filepath.Rel(workspace, folder); err != nil || strings.HasPrefix(inside, "..") {
		return fmt.Errorf("it uses %s, which is outside the workspace", uses)
	}
	content, err := os.ReadFile(filepath.Join(folder, "action.yml"))
	if errors.Is(err, os.ErrNotExist) {
		content, err = os.ReadFile(filepath.Join(folder, "action.yaml"))
	}
	if err != nil {
		return fmt.Errorf("it uses the local action %s, and the workspace of a simulated runner, which fetches no code, holds no such files", uses)
	}
	var action model.Action
	if err := yaml.NewDecoder(bytes.NewReader(content)).Decode(&action); err != nil {
		return fmt.Errorf("it uses the local action %s, which cannot be read: %w", uses, err)
	}
	if action.Runs.Using.IsDocker() {
		return fmt.Errorf("it uses the local action %s, which needs Docker, and a simulated runner starts no containers", uses)
	}
	for i := range action.Runs.Steps {
		if err := refuseStep(&action.Runs.Steps[i], workspace, depth+1); err != nil {
			return fmt.Errorf("step %d of the local action %s: %w", i+1, uses, err)
		}
	}
	return nil
}
