package awstest_test

import (
	"regexp"
	"testing"

	"go.uber.org/goleak"

	"github.com/runs-fleet/runs-fleet/internal/emulator/awstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestNamesServeForTablesQueuesAndBuckets(t *testing.T) {
	legal := regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$`)
	for _, name := range []string{"a", "With spaces/and é", "a name that is much longer than the name of a bucket can ever be"} {
		t.Run(name, func(t *testing.T) {
			first, second := awstest.Name(t), awstest.Name(t)
			if !legal.MatchString(first) || first == second {
				t.Errorf("names %q and %q, want two that are legal", first, second)
			}
		})
	}
}
