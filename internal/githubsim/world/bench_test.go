package world_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/githubsim/world"
)

// A second of a busy simulator: a thousand queued jobs, two hundred runners that match none of them.
func BenchmarkAdvanceWithAThousandQueuedJobs(b *testing.B) {
	w := world.New(&sequence{state: 1}, 1, began)
	r, err := w.AddRepository(world.RepositorySpec{Owner: "acme", Name: "shop", Files: map[string]string{
		"ci.yml": "on: push\njobs:\n  a:\n    runs-on: [self-hosted, cpu=2]\n    steps: [{run: a}]\n" +
			"    strategy: {matrix: {a: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], b: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]}}\n",
	}}, began)
	if err != nil {
		b.Fatal(err)
	}
	for range 10 {
		if _, err := w.Dispatch(r, "ci.yml", world.Trigger{}, began); err != nil {
			b.Fatal(err)
		}
	}
	for i := range 200 {
		runner, _, err := w.Register(r.Scope, fmt.Sprintf("r%d", i), 1, []string{"self-hosted", "cpu=4"}, began)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := w.OpenSession(runner, began); err != nil {
			b.Fatal(err)
		}
	}
	now := began
	for b.Loop() {
		now = now.Add(time.Millisecond)
		w.Advance(now)
	}
}
