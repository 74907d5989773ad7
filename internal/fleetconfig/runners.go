package fleetconfig

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/label"
)

func (r *reader) runners(n ast.Node, c *Config) {
	taken, plain := newNames("runner"), newNames("label")
	r.each(n, "runners", func(item ast.Node) {
		before := len(r.findings)
		run := Runner{Spec: fleet.Spec{Market: c.Defaults.Market, Disk: c.Defaults.Disk}}
		at := r.mapping(item, "a runner", append(
			r.specKeys(&run.Spec, c),
			key{name: "name", read: r.textInto(&run.Name, "name")},
			key{name: "labels", read: r.textsInto(&run.Labels, "labels")},
		)...)
		r.name(taken, run.Name, or(at, "name", item))
		if at["instance_type"] != nil {
			for _, also := range []string{"cpu", "ram", "family", "gen", "arch"} {
				if at[also] != nil {
					r.report(Error, at[also], fmt.Sprintf("instance_type says already what %s is", also), "remove one of the two")
				}
			}
		}
		r.plainLabels(plain, run.Labels, or(at, "labels", item))
		c.Runners = append(c.Runners, run)
		if before == len(r.findings) {
			r.whole(run, or(at, "name", item), c)
		}
	})
}

// whole checks that the parts of a runner go together.
func (r *reader) whole(run Runner, at ast.Node, c *Config) {
	names := label.Fleet{Runners: map[string]label.Runner{run.Name: {Spec: run.Spec}}}
	for _, i := range c.Images {
		names.Images = append(names.Images, i.Name)
	}
	_, err := label.Resolve([]string{label.Marker + "/runner=" + run.Name}, names)
	if e, ok := errors.AsType[*label.Error](err); ok {
		r.report(Error, at, fmt.Sprintf("runner %s: %s", run.Name, e.Reason), e.Suggestion)
	} else if err != nil {
		r.fail(at, "runner %s: %s", run.Name, err)
	}
}

// specKeys are the keys that say what a machine is. Each is read by the grammar of labels, which is documented once and
// explains what is wrong.
func (r *reader) specKeys(spec *fleet.Spec, c *Config) []key {
	into := func(name string, take func(fleet.Spec)) key {
		return key{name: name, read: func(n ast.Node) { take(r.spec(n, name)) }}
	}
	return []key{
		into("cpu", func(s fleet.Spec) { spec.CPU = s.CPU }),
		into("ram", func(s fleet.Spec) { spec.RAM = s.RAM }),
		into("family", func(s fleet.Spec) { spec.Families = s.Families }),
		into("gen", func(s fleet.Spec) { spec.Generation = s.Generation }),
		into("arch", func(s fleet.Spec) { spec.Archs = s.Archs }),
		into("os", func(s fleet.Spec) { spec.OS = s.OS }),
		into("disk", func(s fleet.Spec) { spec.Disk = s.Disk }),
		into("private", func(s fleet.Spec) { spec.Private = s.Private }),
		{name: "spot", read: r.marketInto(&spec.Market)},
		{name: "image", read: func(n ast.Node) { spec.Image = r.imageOf(n, c) }},
		{name: "instance_type", read: func(n ast.Node) { spec.InstanceType = r.instanceType(n) }},
	}
}

// spec reads one value as the label grammar does.
func (r *reader) spec(n ast.Node, name string) fleet.Spec {
	value := strings.Join(r.texts(n, name), "+") // [16, 64] is the range 16+64, [c7g, m7g] two families
	if value == "" {
		return fleet.Spec{}
	}
	return r.resolved(n, label.Marker+"/"+name+"="+value)
}

func (r *reader) resolved(n ast.Node, text string) fleet.Spec {
	res, err := label.Resolve([]string{text}, label.Fleet{})
	if e, ok := errors.AsType[*label.Error](err); ok {
		r.report(Error, n, e.Reason, e.Suggestion)
	} else if err != nil {
		r.fail(n, "%s", err)
	}
	return res.Spec
}

func (r *reader) instanceType(n ast.Node) string {
	name, ok := r.text(n, "instance_type")
	if !ok {
		return ""
	}
	name = strings.ToLower(name)
	if family, size, dotted := strings.Cut(name, "."); !dotted || family == "" || size == "" || strings.ContainsAny(name, "*+/=, ") {
		r.fail(n, "%q is no instance type: one such as c7g.xlarge is expected", name)
		return ""
	}
	return name
}

func (r *reader) imageOf(n ast.Node, c *Config) string {
	name, ok := r.text(n, "image")
	if !ok {
		return ""
	}
	var known []string
	for _, i := range c.Images {
		if i.Name == name {
			return name
		}
		known = append(known, i.Name)
	}
	r.report(Error, n, fmt.Sprintf("there is no image %q", name), meant(name, known))
	return ""
}

// plainLabels checks labels that stand for something of ours.
func (r *reader) plainLabels(taken *names, labels []string, at ast.Node) {
	for _, l := range labels {
		folded := strings.ToLower(l)
		switch {
		case folded == label.Marker || strings.HasPrefix(folded, label.Marker+"=") || strings.HasPrefix(folded, label.Marker+"/"):
			r.report(Error, at, fmt.Sprintf("the label %q means something already", l), "give plain labels, such as ubuntu-8core")
		case l == "" || len(l) > label.MaxLength || strings.ContainsAny(l, " ,/="):
			r.fail(at, "%q is no plain label", l)
		case taken.first[folded] != nil:
			r.fail(at, "the label %s is given in line %d already", l, tokenOf(taken.first[folded]).Position.Line)
		default:
			taken.first[folded] = at
		}
	}
}
