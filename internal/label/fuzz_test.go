package label_test

import (
	"bufio"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/label"
)

// FuzzResolve: any labels either resolve, the same every time, in every order of segments and in every case of letters,
// or give an error that points at a part of one of them.
func FuzzResolve(f *testing.F) {
	file, err := os.Open("testdata/errors.txt")
	if err != nil {
		f.Fatal(err)
	}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if in, ok := strings.CutPrefix(lines.Text(), "in "); ok {
			first, second, _ := strings.Cut(in, " | ")
			f.Add(first, second)
		}
	}
	if err := file.Close(); err != nil {
		f.Fatal(err)
	}
	f.Add("runs-fleet=1/cpu=4+16/ram=8+32/family=c7g+m7g/arch=amd64+arm64/os=linux/disk=80gb:gp3:500mbps:4000iops", "linux")
	f.Add("Runs-Fleet/runner=build-large/pool=default/spot=true/retry=never/region=us-west-2+us-east-1/env=prod/max=1d2h3m", "")
	f.Add("runs-fleet=\xff/cpu=\xff", "self-hosted")
	f.Fuzz(func(t *testing.T, first, second string) {
		labels := []string{first, second}
		fleet := configured()
		got, err := label.Resolve(labels, fleet)
		again, errAgain := label.Resolve(labels, fleet)
		if !cmp.Equal(got, again) || (err == nil) != (errAgain == nil) || (err != nil && err.Error() != errAgain.Error()) {
			t.Fatalf("%q: first %+v, %v, then %+v, %v", labels, got, err, again, errAgain)
		}
		if err != nil {
			checkError(t, labels, err)
			return
		}
		others := [][]string{{second, first}, {reversed(first), reversed(second)}}
		if ascii(first) && ascii(second) { // letters of other scripts need not keep their meaning when their case changes
			others = append(others, []string{strings.ToUpper(first), strings.ToUpper(second)}, label.Fold(labels))
		}
		for _, other := range others {
			same, err := label.Resolve(other, fleet)
			if err != nil || !cmp.Equal(got.Spec, same.Spec) || got.Environment != same.Environment {
				t.Fatalf("%q means %+v, but %q means %+v, %v", labels, got, other, same, err)
			}
		}
	})
}

func checkError(t *testing.T, labels []string, err error) {
	t.Helper()
	if errors.Is(err, label.ErrNotOurs) {
		return
	}
	var wrong *label.Error
	if !errors.As(err, &wrong) {
		t.Fatalf("%q: unexpected error %v", labels, err)
	}
	if !slices.Contains(labels, wrong.Label) {
		t.Fatalf("%q: the error is about another label: %q", labels, wrong.Label)
	}
	end := wrong.Position + len(wrong.Segment)
	if wrong.Position < 0 || end > len(wrong.Label) || wrong.Label[wrong.Position:end] != wrong.Segment {
		t.Fatalf("%q: segment %q is not at byte %d of %q", labels, wrong.Segment, wrong.Position, wrong.Label)
	}
	if wrong.Reason == "" || wrong.Suggestion == "" {
		t.Fatalf("%q: error without reason or suggestion: %+v", labels, wrong)
	}
}

// reversed writes the settings of a label in the opposite order.
func reversed(l string) string {
	segments := strings.Split(l, "/")
	slices.Reverse(segments[1:])
	return strings.Join(segments, "/")
}

func ascii(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII })
}
