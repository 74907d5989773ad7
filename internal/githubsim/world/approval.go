package world

import (
	"slices"
	"strings"
	"time"
)

// PendingEnvironments returns the environments that jobs of the run wait for, each once.
func (w *World) PendingEnvironments(run *Run) []*Environment {
	var pending []*Environment
	seen := map[int64]bool{}
	for _, job := range w.JobsOf(run, run.Attempt) {
		if job.Status == Waiting && !seen[job.Environment.ID] {
			seen[job.Environment.ID] = true
			pending = append(pending, job.Environment)
		}
	}
	return pending
}

// Review approves or rejects the deployments that wait for these environments. It reports how many jobs it concerned.
func (w *World) Review(run *Run, environments []int64, approved bool, now time.Time) int {
	count := 0
	for _, job := range w.JobsOf(run, run.Attempt) {
		if job.Status != Waiting || !containsID(environments, job.Environment.ID) {
			continue
		}
		count++
		if !approved {
			w.finish(job, Failure, now)
			continue
		}
		job.approved = true
		w.queue(run, job, now)
	}
	return count
}

// EnvironmentIDs returns the ids of the environments that wait, all or those of this name.
func (w *World) EnvironmentIDs(run *Run, name string) []int64 {
	var ids []int64
	for _, e := range w.PendingEnvironments(run) {
		if name == "" || strings.EqualFold(e.Name, name) {
			ids = append(ids, e.ID)
		}
	}
	return ids
}

func containsID(ids []int64, id int64) bool {
	return slices.Contains(ids, id)
}
