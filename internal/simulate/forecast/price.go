package forecast

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/runs-fleet/runs-fleet/internal/catalog"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/label"
)

// Price is what an hour of a machine costs: the same for each, or for each of its vCPU, or what AWS lists for the type that
// its spec would get. The zero Price is none: the machines are the user's own.
type Price struct {
	perMachine, perCPU float64
	list               *catalog.Catalog
}

var errPrice = errors.New("it is 0.17 for an hour of a machine, 0.0425/vcpu for an hour of a vCPU, or list for AWS's list prices")

// dearest bounds a price, in its currency per hour: more is a misplaced point.
const dearest = 10_000

// ParsePrice reads 0.17, 0.0425/vcpu, or list; empty is no price.
func ParsePrice(text string) (Price, error) {
	switch text {
	case "":
		return Price{}, nil
	case "list":
		types, err := catalog.Embedded()
		if err != nil {
			return Price{}, fmt.Errorf("reading the catalogue: %w", err)
		}
		return Price{list: &types}, nil
	}
	figure, unit, _ := strings.Cut(text, "/")
	amount, err := strconv.ParseFloat(figure, 64)
	if err != nil || !(amount >= 0 && amount <= dearest) {
		return Price{}, errPrice
	}
	switch unit {
	case "", "machine":
		return Price{perMachine: amount}, nil
	case "vcpu", "cpu":
		return Price{perCPU: amount}, nil
	default:
		return Price{}, errPrice
	}
}

// Known says whether there is a price at all.
func (p Price) Known() bool { return p != Price{} }

// Currency is that of the price, if it is known: the user's own figures have the user's own.
func (p Price) Currency() string {
	if p.list != nil {
		return "US dollars"
	}
	return ""
}

// Words says which price it is.
func (p Price) Words() string {
	switch {
	case p.list != nil:
		return "AWS's list prices of us-east-1 (runs-fleet explain shows them), of the cheapest type that a label gets, spot unless it says spot=false"
	case p.perCPU > 0:
		return fmt.Sprintf("%g for an hour of a vCPU, counting the least that a label asks for", p.perCPU)
	default:
		return fmt.Sprintf("%g for an hour of a machine", p.perMachine)
	}
}

// PerHour is what an hour of a machine costs.
func (p Price) PerHour(spec fleet.Spec, market fleet.Market) (float64, error) {
	switch {
	case p.list != nil:
		match, err := p.list.Match(spec)
		if err != nil {
			return 0, fmt.Errorf("finding the price of a machine: %w", err)
		}
		if market == fleet.AnyMarket {
			market = match.Market
		}
		return match.Candidates[0].Price(market, spec.OS), nil
	case p.perCPU > 0:
		return p.perCPU * float64(max(spec.CPU.Min, 1)), nil
	default:
		return p.perMachine, nil
	}
}

// Covers says what is wrong if the price of some job's machine is not known.
func (p Price) Covers(jobs []Job) error {
	if p.list == nil {
		return nil
	}
	seen := map[string]bool{}
	for _, j := range jobs {
		set := strings.Join(j.Labels, ", ")
		if seen[set] {
			continue
		}
		seen[set] = true
		meaning, err := label.Resolve(Written(j.Labels), label.Fleet{})
		if err == nil {
			_, err = p.PerHour(meaning.Spec, fleet.AnyMarket)
		}
		if err != nil {
			return fmt.Errorf("labels %s: %w", set, err)
		}
	}
	return nil
}
