package awssim

import (
	"encoding/base64"
	"strings"

	"github.com/runs-fleet/runs-fleet/internal/awssim/query"
	"github.com/runs-fleet/runs-fleet/internal/provider/sim"
)

type describeInstances struct {
	dry
	filtered
	paged
	IDs     []string `form:"InstanceId"`
	Managed bool     `form:"IncludeManagedResources"`
}

type instancesAnswer struct {
	Reservations []reservationItem `xml:"reservationSet>item"`
	Next         string            `xml:"nextToken,omitempty"`
}

// describeInstances is the action DescribeInstances. Pages and ids exclude each other (page "API_DescribeInstances").
func (r request) describeInstances(p describeInstances) (any, error) {
	if err := instanceFields().check(r, p.Filters); err != nil {
		return nil, err
	}
	if len(p.IDs) > 0 && p.MaxResults != nil {
		return nil, r.refuse(codeCombination, "The parameter instancesSet cannot be used with the parameter maxResults")
	}
	all, err := r.listed(p)
	if err != nil {
		return nil, err
	}
	if p.DryRun {
		return nil, r.wouldWork()
	}
	items, next, err := page(r, pages{5, 1000, 0}, p.paged, all, instance.number)
	if err != nil {
		return nil, err
	}
	answer := instancesAnswer{Next: next}
	for _, i := range items {
		last := len(answer.Reservations) - 1
		if last < 0 || answer.Reservations[last].ID != i.reservation() {
			answer.Reservations = append(answer.Reservations, reservationItem{ID: i.reservation(), Owner: r.account})
			last++
		}
		i.index = len(answer.Reservations[last].Instances)
		answer.Reservations[last].Instances = append(answer.Reservations[last].Instances, i.item())
	}
	return answer, nil
}

// listed asks the cloud for the instances that satisfy the filters. Tags of one exact value are left to the cloud.
func (r request) listed(p describeInstances) ([]instance, error) {
	tags := map[string]string{}
	for _, f := range p.Filters {
		key, ok := strings.CutPrefix(f.Name, "tag:")
		if _, twice := tags[key]; ok && !twice && !strings.HasPrefix(key, "aws:") && len(f.Values) == 1 && !strings.ContainsAny(f.Values[0], `*?\`) {
			tags[key] = f.Values[0]
		}
	}
	known, err := r.cloud.List(r, sim.Listing{Region: r.in.name, Tags: tags, IDs: p.IDs, Bounded: isBounded(r.form)})
	if err != nil {
		return nil, err
	}
	fields := instanceFields()
	var all []instance
	for _, k := range known {
		if i, ok := instanceOf(k); ok && fields.matches(i, p.Filters) {
			all = append(all, i)
		}
	}
	return all, nil
}

type consoleOutput struct {
	dry
	ID     string `form:"InstanceId"`
	Latest bool   `form:"Latest"`
}

type consoleAnswer struct {
	ID     string `xml:"instanceId"`
	At     string `xml:"timestamp"`
	Output string `xml:"output,omitempty"`
}

// maxConsole is how much of the output is kept: its end (page "API_GetConsoleOutput").
const maxConsole = 64 << 10

// consoleOutput is the action GetConsoleOutput (page "API_GetConsoleOutput").
func (r request) consoleOutput(p consoleOutput) (any, error) {
	if p.ID == "" {
		return nil, r.refuse(sim.CodeMissingParameter, "The request must contain the parameter InstanceId")
	}
	text, err := r.cloud.GetConsoleOutput(r, r.in.name, p.ID)
	if err != nil {
		return nil, err
	}
	if p.DryRun {
		return nil, r.wouldWork()
	}
	if len(text) > maxConsole {
		text = text[len(text)-maxConsole:]
	}
	return consoleAnswer{p.ID, query.Stamp(r.now()), base64.StdEncoding.EncodeToString([]byte(text))}, nil
}
