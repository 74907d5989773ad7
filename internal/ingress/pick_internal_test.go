package ingress

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestPickedKeepsWhatMatters(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"members of ours", `{"action":"queued","sender":{"login":"m"},"workflow_job":{"id":1,"steps":[{"a":"]"}]}}`, `{"action":"queued","workflow_job":{"id":1,"steps":[{"a":"]"}]}}`},
		{"what identifies a repository", `{"repository":{"id":7,"url":"x","owner":{"login":"o","id":1},"name":"n","private":true}}`, `{"repository":{"id":7,"owner":{"login":"o","id":1},"name":"n","private":true}}`},
		{"a repository that is null", `{"repository":null}`, `{"repository":null}`},
		{"in any case", `{"Action":"queued","x":1}`, `{"Action":"queued"}`},
		{"twice, as decoders take the last", `{"action":"a","action":"b"}`, `{"action":"a","action":"b"}`},
		{"beside quotes in strings", `{"x":"\\\"}","action":"a\\"}`, `{"action":"a\\"}`},
		{"nothing", ` { } `, `{}`},
	} {
		got, ok := picked([]byte(c.in))
		if !ok || string(got) != c.want {
			t.Errorf("%s: picked(%s) = %s, %v, want %s", c.name, c.in, got, ok, c.want)
		}
	}
}

func TestPickedLeavesWhatItCannotBeSureAbout(t *testing.T) {
	for _, in := range []string{
		``, `null`, `[]`, `"text"`, `{`, `{"action"`, `{"action":`, `{"action":}`, `{"action":"a"`, `{"action":"a"} x`, `{"action":"a",}`, `{"action" "a"}`,
		`{"x":[}`, `{"x":{]}`, `{"x":"`, `{"x":"\"}`, `{x:1}`, `{"act\u0069on":"a"}`, `{"x":,"y":1}`, `{"a":1 "b":2}`,
	} {
		if got, ok := picked([]byte(in)); ok {
			t.Errorf("picked(%s) = %s, want it to be left alone", in, got)
		}
	}
}

// Of every JSON object, what was picked decodes to the same as the whole.
func TestPickedDecodesToTheSame(t *testing.T) {
	keys := rapid.SampledFrom([]string{"action", "workflow_job", "repository", "installation", "sender", "id", "name", "owner", "login", "private", "url", "Repository"})
	text := rapid.SampledFrom([]string{"", "a", `"`, `\`, "}", "]{", "é\u2028", "queued"})
	scalar := rapid.OneOf(rapid.Map(text, func(s string) any { return s }), rapid.Map(rapid.IntRange(0, 9), func(n int) any { return n }),
		rapid.Just[any](nil), rapid.Map(rapid.Bool(), func(b bool) any { return b }))
	value := scalar
	for range 3 {
		inner := value
		value = rapid.OneOf(scalar, rapid.Map(rapid.MapOfN(keys, inner, 0, 6), func(m map[string]any) any { return m }),
			rapid.Map(rapid.SliceOfN(inner, 0, 3), func(s []any) any { return s }))
	}
	rapid.Check(t, func(t *rapid.T) {
		object := rapid.MapOfN(keys, value, 0, 8).Draw(t, "object")
		indent := rapid.SampledFrom([]string{"", " ", "\t"}).Draw(t, "indent")
		whole, err := json.MarshalIndent(object, "", indent)
		if err != nil {
			t.Fatal(err)
		}
		small, ok := picked(whole)
		if !ok {
			t.Fatalf("picked left %s alone", whole)
		}
		var a, b workflowJob
		errA, errB := json.Unmarshal(whole, &a), json.Unmarshal(small, &b)
		if (errA == nil) != (errB == nil) {
			t.Fatalf("%s: %v; picked %s: %v", whole, errA, small, errB)
		}
		if diff := cmp.Diff(a, b, cmp.AllowUnexported(stamp{})); errA == nil && diff != "" {
			t.Fatalf("whole against picked %s:\n%s", small, diff)
		}
	})
}

func FuzzPicked(f *testing.F) {
	f.Add(`{"action":"queued","repository":{"id":1,"url":"x"},"x":[1,{"a":"\""}]}`)
	f.Fuzz(func(t *testing.T, in string) {
		small, ok := picked([]byte(in))
		if ok && json.Valid([]byte(in)) && !json.Valid(small) {
			t.Errorf("picked %s of %s", small, in)
		}
		if ok && len(small) > len(in)+len(strings.TrimSpace("{}")) {
			t.Errorf("picked more than there is: %s of %s", small, in)
		}
	})
}
