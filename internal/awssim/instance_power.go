package awssim

import (
	"context"

	"github.com/runs-fleet/runs-fleet/internal/provider/sim"
)

type changeInstances struct {
	dry
	IDs         []string `form:"InstanceId"`
	Force       *bool    `form:"Force"`
	SkipSystem  *bool    `form:"SkipOsShutdown"`
	Hibernate   *bool    `form:"Hibernate"`
	Information string   `form:"AdditionalInfo"`
}

type changesAnswer struct {
	Instances []changeItem `xml:"instancesSet>item"`
}

type changeItem struct {
	ID     string    `xml:"instanceId"`
	After  stateItem `xml:"currentState"`
	Before stateItem `xml:"previousState"`
}

// maxChanged is how many instances one call may concern (page "API_TerminateInstances").
const maxChanged = 1000

// terminate is the action TerminateInstances (page "API_TerminateInstances").
func (r request) terminate(p changeInstances) (any, error) {
	return r.change(p, r.cloud.TerminateInstances)
}

// stop is the action StopInstances (page "API_StopInstances").
func (r request) stop(p changeInstances) (any, error) {
	if isTrue(p.Hibernate) {
		return nil, r.refuse(codeNotSimulated, "the simulator does not know hibernation")
	}
	return r.change(p, r.cloud.StopInstances)
}

// start is the action StartInstances (page "API_StartInstances").
func (r request) start(p changeInstances) (any, error) {
	return r.change(p, r.cloud.StartInstances)
}

func (r request) change(p changeInstances, do func(ctx context.Context, region string, ids ...string) ([]sim.Transition, error)) (any, error) {
	if len(p.IDs) > maxChanged {
		return nil, r.refuse(sim.CodeInvalidParameter, "the request names %d instances; at most %d are allowed", len(p.IDs), maxChanged)
	}
	if p.DryRun {
		if err := r.cloud.Call(r, r.in.name, r.action, true); err != nil {
			return nil, err
		}
		return nil, r.wouldWork()
	}
	done, err := do(r, r.in.name, p.IDs...)
	if err != nil {
		return nil, err
	}
	var answer changesAnswer
	for _, t := range done {
		answer.Instances = append(answer.Instances, changeItem{t.ID, stateOf(t.After), stateOf(t.Before)})
	}
	return answer, nil
}
