package web_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/web"
)

func TestAFileOfTokens(t *testing.T) {
	long := strings.Repeat("0123456789abcdef", 2)
	for _, tt := range []struct {
		name, content string
		want          []web.Token
		err           string
	}{
		{"names and tokens", "# for CI\nci " + long + "\n\nbot\t" + long + "x # rotated in May\n", []web.Token{{"ci", long}, {"bot", long + "x"}}, ""},
		{"nothing", "\n# nobody yet\n", nil, ""},
		{"no name", long, nil, "line 1: want a name and a token"},
		{"too short", "a " + long + "\nb secret", nil, "line 2: the token of b is too short"},
		{"a name twice", "a " + long + "\na " + long, nil, "line 2: the name a is used twice"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := web.ParseTokens([]byte(tt.content))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			switch {
			case tt.err == "" && err != nil, tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
				t.Errorf("error %v, want %q", err, tt.err)
			case err != nil && strings.Contains(err.Error(), "secret"):
				t.Errorf("the error shows the token: %v", err)
			}
		})
	}
}
