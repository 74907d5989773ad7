package fleetconfig_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/fleetconfig"
)

// pool writes a file with one pool whose further lines are given, from line 6 on.
func pool(lines ...string) string {
	return "version: \"1\"\ntimezone: UTC\npools:\n  - name: p\n    runner: 2cpu-linux-amd64\n    " + strings.Join(lines, "\n    ") + "\n"
}

func TestFindings(t *testing.T) {
	tests := []struct {
		name, content string
		want          []string
	}{
		{"an empty file", "", []string{`1:1: error: the file is empty; begin with version: "1"`}},
		{"no mapping", "- a\n", []string{"1:1: error: the configuration must be a mapping: keys with values", `1:1: error: the version is ""; write version: "1"`}},
		{"another version", "version: 2\n", []string{`1:1: error: the version is "2"; write version: "1"`}},
		{"a second document", "version: \"1\"\n---\npools: []\n", []string{"3:1: error: a second document begins here, and would be ignored; remove the line ---"}},
		{"an unknown key", "version: \"1\"\npolls: []\n", []string{`2:1: error: the configuration has no key "polls"; did you mean pools?`}},
		{"a key that stands twice", "version: \"1\"\ntimezone: UTC\ntimezone: UTC\n", []string{"3:1: error: the key timezone stands here a second time: the first is in line 2"}},
		{"an unknown zone", "version: \"1\"\ntimezone: Berlin\n", []string{`2:1: error: timezone: "Berlin" is no zone of the IANA database: a name as in Europe/Berlin or America/New_York is expected`}},
		{"an unknown key of a pool", pool("desired_runnin: 1"), []string{`6:5: error: a pool has no key "desired_runnin"; did you mean desired_running?`}},
		{"a negative size", pool("desired_running: -1"), []string{`6:22: error: desired_running is "-1": a whole number from 0 to 100000 is expected`}},
		{"a match that is none", pool("match: all"), []string{`6:5: error: match is "all"; write match: spec, or leave it out: then only jobs that name the pool take its machines`}},
		{"an environment that does not exist", pool("environment: prod"), []string{`6:5: error: there is no environment "prod"; no environment is configured: leave it out, or add it under environments`}},
		{"two kinds of machine", pool("instance_type: c7g.large"), []string{"6:5: error: the pool has a runner and an instance_type; remove one of the two"}},
		{
			"a runner that does not exist", "version: \"1\"\nrunners:\n  - name: large\n    cpu: 8\npools:\n  - name: p\n    runner: lage\n",
			[]string{`7:5: error: no runner named "lage" is configured; did you mean runner: large? (configured: large); built-in forms such as runner: 4cpu-linux-arm64 work`},
		},
		{"no kind of machine", "version: \"1\"\npools:\n  - name: p\n", []string{"3:5: error: the pool does not say what its machines are; give it a runner, by a name of runners or as 4cpu-linux-amd64, or an instance_type"}},
		{"a pool without a name", "version: \"1\"\npools:\n  - runner: 2cpu-linux-amd64\n", []string{"3:5: error: a pool needs a name"}},
		{
			"two pools of one name", "version: \"1\"\npools:\n  - {name: a, runner: 2cpu-linux-amd64}\n  - {name: A, runner: 2cpu-linux-amd64}\n",
			[]string{"4:6: error: there is a pool A already, in line 3"},
		},
		{"a start without an end", pool("schedules:", `  - {name: s, start: "09:00", desired_running: 1}`), []string{`7:10: error: schedule s has a start and no end; write end: "00:00" for the end of the day`}},
		{"a time twice", pool("schedules:", `  - {name: s, start: "09:00", start_hour: 9, end: "10:00", desired_running: 1}`), []string{"7:35: error: start and start_hour say the same thing; remove one of the two"}},
		{"no time", pool("schedules:", `  - {name: s, start: 9, end: "24:00", desired_running: 1}`), []string{
			`7:26: error: start is the number 9; write a time in quotes, as in "09:00"`, `7:34: error: end: "24:00" is no time of day: the end of a day is written 00:00`,
		}},
		{"an hour too many", pool("schedules:", `  - {name: s, start_hour: 24, end_hour: 6, desired_running: 1}`), []string{`7:31: error: start_hour is "24": a whole number from 0 to 23 is expected`}},
		{"no day", pool("schedules:", `  - {name: s, days_of_week: [mo, 7], desired_running: 1}`), []string{
			`7:34: error: "mo" is no day of the week: mon, tue, wed, thu, fri, sat, sun or 0-6 (0 is Sunday) are expected`,
			"7:38: error: 7 is no day of the week: 0 (Sunday) to 6 (Saturday) are",
		}},
		{"no date", pool("schedules:", `  - {name: s, dates: ["2026-12-26..2026-12-24"], desired_running: 1}`), []string{
			`7:27: error: "2026-12-26..2026-12-24" ends before it begins: did you mean 2026-12-24..2026-12-26?`,
		}},
		{"a schedule that changes nothing", pool("schedules:", `  - {name: s}`), []string{"7:10: error: schedule s changes nothing; give it desired_running, desired_stopped or both"}},
		{"a schedule that never applies", pool("schedules:", `  - {name: s, dates: ["2026-12-24"], days_of_week: [mon], desired_running: 1}`), []string{
			"7:10: warning: schedule s never applies: none of its dates is on one of its days of the week",
		}},
		{
			"windows that overlap with different sizes", pool("schedules:", `  - {name: day, start: "09:00", end: "18:00", desired_running: 1}`, `  - {name: late, days_of_week: [fri], start: "17:00", end: "20:00", desired_running: 2}`),
			[]string{"8:10: warning: schedule late overlaps with schedule day of another size, as on Friday from 17:00; the later one wins: if that is not meant, change their order or their times"},
		},
		{
			"a night that overlaps with the next morning", pool("schedules:", `  - {name: night, days_of_week: [sun], start: "22:00", end: "06:00", desired_running: 1}`, `  - {name: early, days_of_week: [mon], start: "05:00", end: "07:00", desired_running: 2}`),
			[]string{"8:10: warning: schedule early overlaps with schedule night of another size, as on Monday from 05:00; the later one wins: if that is not meant, change their order or their times"},
		},
		{"windows that overlap with the same size", pool("schedules:", `  - {name: a, start: "09:00", end: "18:00", desired_running: 1}`, `  - {name: b, start: "17:00", end: "20:00", desired_running: 1}`), nil},
		{"windows that touch", pool("schedules:", `  - {name: a, start: "09:00", end: "18:00", desired_running: 1}`, `  - {name: b, start: "18:00", end: "09:00", desired_running: 2}`), nil},
		{"dates after days are an exception", pool("schedules:", `  - {name: a, start: "09:00", end: "18:00", desired_running: 1}`, `  - {name: b, dates: ["2026-12-24"], desired_running: 2}`), nil},
		{
			"dates before days are hidden by them", pool("schedules:", `  - {name: b, dates: ["2026-12-24"], desired_running: 2}`, `  - {name: a, start: "09:00", end: "18:00", desired_running: 1}`),
			[]string{"8:10: warning: schedule a overlaps with schedule b of another size, as on 2026-12-24 from 09:00; the later one wins: if that is not meant, change their order or their times"},
		},
		{"more than max", pool("desired_running: 3", "max: 2"), []string{"7:5: warning: the pool wants 3 machines and may have 2: running ones come first, then stopped ones"}},
		{"a value as a grammar of labels refuses it", "version: \"1\"\nrunners:\n  - name: a\n    cpu: 0\n", []string{"4:10: error: 0 is out of bounds; cpu takes 1 to 448 vCPU"}},
		{"a part of a runner that is fixed already", "version: \"1\"\nrunners:\n  - {name: a, instance_type: c7g.large, cpu: 2}\n", []string{"3:41: error: instance_type says already what cpu is; remove one of the two"}},
		{"an image that does not exist", "version: \"1\"\nimages: [{name: full}]\nrunners:\n  - {name: a, image: ful}\n", []string{`4:22: error: there is no image "ful"; did you mean full?`}},
		{"a plain label that is ours", "version: \"1\"\nrunners:\n  - {name: a, labels: [runs-fleet=1]}\n", []string{`3:15: error: the label "runs-fleet=1" means something already; give plain labels, such as ubuntu-8core`}},
		{"a label of two runners", "version: \"1\"\nrunners:\n  - {name: a, labels: [x]}\n  - {name: b, labels: [X]}\n", []string{"4:15: error: the label X is given in line 3 already"}},
		{"no default environment", "version: \"1\"\nenvironments:\n  - name: a\n  - name: b\n", []string{"3:3: error: none of the environments is the default; write default: true into one"}},
		{"anchors", "version: \"1\"\nrunners:\n  - {name: a, family: &f [c7g, m7g], arch: arm64}\n  - {name: b, family: *f, arch: arm64}\n", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, findings := fleetconfig.Parse([]byte(tt.content))
			if diff := cmp.Diff(tt.want, texts(findings)); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatIsNotYAMLIsSaidWhere(t *testing.T) {
	_, findings := fleetconfig.Parse([]byte("version: \"1\"\npools: [\n"))
	if len(findings) != 1 || findings[0].Line != 2 || !strings.HasPrefix(findings[0].Message, "this is not YAML") {
		t.Errorf("findings: %v", texts(findings))
	}
}

func FuzzParse(f *testing.F) {
	f.Add(pool("schedules:", `  - {name: s, dates: ["2026-12-24"], days_of_week: [mon], desired_running: 1}`))
	f.Add("version: \"1\"\na: &a [*a]\n")
	f.Fuzz(func(t *testing.T, content string) {
		c, findings := fleetconfig.Parse([]byte(content))
		if fleetconfig.Failed(findings) {
			return
		}
		for _, p := range c.Pools {
			if p.Schedule == nil || p.Max < 1 || p.Spec.OS == "" {
				t.Errorf("a pool without findings is incomplete: %+v", p)
			}
		}
	})
}
