package agent

import "testing"

func TestLingerEndsWhenNothingCanUpload(t *testing.T) {
	alone := observed{Observation{WorkerEver: true, Alone: true}}
	job := []step{{0, assignment("r1")}, {1, sees(true, true)}, {2, sees(false, true)}, {3, listenerExited{0}}}
	tests := []struct {
		name  string
		steps []step
		done  bool
	}{
		{"something may still upload", []step{{4, sees(false, true)}, {4, passed{}}}, false},
		{"nothing is left", []step{{4, alone}}, true},
		{"at most four seconds", []step{{7, passed{}}}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, _ := play(ready(), false, append(job, tt.steps...))
			if got := s.stage == finished; got != tt.done {
				t.Errorf("finished = %v, want %v", got, tt.done)
			}
		})
	}
}
