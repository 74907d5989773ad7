package controller

import (
	"testing"

	"pgregory.net/rapid"
)

func TestCrew(t *testing.T) {
	var c crew
	if !c.joins(2) || c.leaves() {
		t.Fatal("the first worker joins and stays: somebody has to receive")
	}
	if !c.joins(2) || c.joins(2) {
		t.Fatal("of a crew of two, the second joins and the third does not")
	}
	if c.stuck(2) {
		t.Fatal("a worker that waits was replaced while another still receives")
	}
	if c.stuck(2) {
		t.Fatal("a worker was replaced by a third")
	}
	c.goesOn()
	if c.leaves() {
		t.Fatal("the only one that receives has left")
	}
	c.goesOn()
	if !c.leaves() {
		t.Fatal("one of two that receive has to leave when there is no backlog")
	}
	if !c.stuck(2) {
		t.Fatal("nobody receives while the only worker waits for GitHub")
	}
}

// Whatever workers do: there are never too many, and one receives unless all wait for GitHub.
func TestCrewAlwaysHasOneThatReceives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.IntRange(1, 8).Draw(t, "most")
		var c crew
		c.joins(most)
		free, waiting := 1, 0
		t.Repeat(map[string]func(*rapid.T){
			"full":  func(*rapid.T) { free += count(free > 0 && c.joins(most)) },
			"empty": func(*rapid.T) { free -= count(free > 0 && c.leaves()) },
			"slow": func(*rapid.T) {
				if free > 0 {
					free, waiting = free-1+count(c.stuck(most)), waiting+1
				}
			},
			"fast again": func(*rapid.T) {
				if waiting > 0 {
					c.goesOn()
					free, waiting = free+1, waiting-1
				}
			},
			"": func(t *rapid.T) {
				if free != c.free || waiting != c.waiting || free+waiting > most || free == 0 && waiting < most {
					t.Fatalf("%d receive (the crew says %d), %d wait (%d), of %d", free, c.free, waiting, c.waiting, most)
				}
			},
		})
	})
}

func count(yes bool) int {
	if yes {
		return 1
	}
	return 0
}
