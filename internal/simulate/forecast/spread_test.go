package forecast_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/runs-fleet/runs-fleet/internal/simulate/forecast"
)

func TestParseSpread(t *testing.T) {
	for _, tt := range []struct{ text, want, wrong string }{
		{"5m", "5m", ""},
		{" 2m .. 20m ", "2m..20m", ""},
		{"1h30m", "1h30m", ""},
		{"100ms", "100ms", ""},
		{"0s", "0s", ""},
		{"1h..2h", "1h..2h", ""},
		{"p50=4m,p95=20m", "p50=4m,p95=20m", ""},
		{"p50=4m, p95=4m", "p50=4m,p95=4m", ""},
		{"", "", "it is a duration such as 90s"},
		{"5", "", "it is a duration such as 90s"},
		{"p50=4m", "", "it is a duration such as 90s"},
		{"p50=4m,p95=", "", "it is a duration such as 90s"},
		{"20m..2m", "", "write 2m..20m"},
		{"-1m", "", "below 0"},
		{"121h", "", "more than five days"},
		{"p50=20m,p95=4m", "", "not above the 95th percentile"},
	} {
		got, err := forecast.ParseSpread(tt.text)
		switch {
		case tt.wrong != "" && (err == nil || !strings.Contains(err.Error(), tt.wrong)):
			t.Errorf("%q: error %v, want one that says %q", tt.text, err, tt.wrong)
		case tt.wrong == "" && (err != nil || got.String() != tt.want):
			t.Errorf("%q is read as %s (%v), want %s", tt.text, got, err, tt.want)
		}
	}
}

func TestSpreadStaysWithin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		least := time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "least"))
		most := least + time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "more"))
		s, err := forecast.ParseSpread(least.String() + ".." + most.String())
		if err != nil {
			t.Fatal(err)
		}
		if d := s.Draw(seeded(rapid.Uint64().Draw(t, "seed"))); d < least || d > most {
			t.Errorf("%s draws %s", s, d)
		}
	})
}

func TestLogNormalSpreadHasItsPercentiles(t *testing.T) {
	s, err := forecast.ParseSpread("p50=4m,p95=20m")
	if err != nil {
		t.Fatal(err)
	}
	const n = 20_000
	r := seeded(1)
	var all []time.Duration
	for range n {
		all = append(all, s.Draw(r))
	}
	slices.Sort(all)
	for _, tt := range []struct {
		at   int
		want time.Duration
	}{{50, 4 * time.Minute}, {95, 20 * time.Minute}} {
		if got := all[n*tt.at/100]; got < tt.want*9/10 || got > tt.want*11/10 {
			t.Errorf("the %dth percentile is %s, want about %s", tt.at, got, tt.want)
		}
	}
	if last := all[n-1]; last > 200*time.Minute {
		t.Errorf("the longest is %s", last)
	}
}

func seeded(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }
