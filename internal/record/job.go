package record

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/store"
)

// Job is a job's row: the job, and when it must be looked at again.
type Job struct {
	fleet.Job
	Due time.Time `json:"due,omitzero"`
}

// QueuedEntry is what a decision reads of a queued job.
type QueuedEntry struct {
	Job          fleet.JobID     `json:"job"`
	Demand       fleet.DemandKey `json:"demand"`
	Queued       time.Time       `json:"queued"`
	BackoffUntil time.Time       `json:"backoff_until,omitzero"`
}

// OpenEntry is what is read of every job that is not over, in the partition of its repository. Nothing in it changes when the job
// begins to run.
type OpenEntry struct {
	Job       fleet.JobID      `json:"job"`
	Run       int64            `json:"run"`
	Folded    []string         `json:"folded,omitempty"`
	Repo      fleet.Repository `json:"repo"`
	Confirmed time.Time        `json:"confirmed,omitzero"`
	Created   time.Time        `json:"created"`
}

// jobPartition begins the partition of a job's row.
const jobPartition = "job/"

func jobKey(id fleet.JobID) store.Key {
	return store.Key{Partition: jobPartition + id.Host + "/" + strconv.FormatInt(id.ID, 10), Sort: "job"}
}

func queuedKey(j fleet.Job) store.Key {
	// The order is that in which jobs are served, so that a decision reads the front only; jobs that back off stand behind.
	since := j.Queued
	if j.BackoffUntil.After(since) {
		since = j.BackoffUntil
	}
	return store.Key{
		Partition: shapePartition(j.Shape),
		Sort:      queuedPrefix + sortTime(since) + "/" + j.ID.Host + "/" + strconv.FormatInt(j.ID.ID, 10),
	}
}

func openPartition(host string, repository int64) string {
	return fmt.Sprintf("open/%s/%d", host, repository)
}

func openKey(j fleet.Job) store.Key {
	return store.Key{Partition: openPartition(j.ID.Host, j.Repository.ID), Sort: strconv.FormatInt(j.ID.ID, 10)}
}

// Job reads a job's row.
func (r *Records) Job(ctx context.Context, id fleet.JobID) (Kept[Job], error) {
	return get[Job](ctx, r, jobKey(id))
}

// PutJob writes a job with its entries. Ended jobs are kept for the given time.
func (r *Records) PutJob(old Kept[Job], j Job, keep time.Duration) []store.Write {
	row := store.Row{Key: jobKey(j.ID), Value: encode(j)}
	row.Index1 = due(j.Due, row.Key)
	row.Index2 = store.Key{Partition: jobsPartition(j.State), Sort: sortTime(j.Created) + "#" + strconv.FormatInt(j.ID.ID, 10)}
	if j.Over() {
		row.Expires = j.Ended.Add(keep)
	}
	writes := []store.Write{store.Put(row, store.At(old.Version))}
	writes = append(writes, queuedWrites(old, j)...)
	if j.Over() {
		if old.Exists() && !old.V.Over() {
			writes = append(writes, store.Delete(openKey(j.Job), store.Any()))
		}
		return writes
	}
	entry := encode(openEntry(j.Job))
	if old.Exists() && !old.V.Over() && bytes.Equal(entry, encode(openEntry(old.V.Job))) {
		return writes // as it is, or the base's version would be another
	}
	return append(writes, store.Put(store.Row{Key: openKey(j.Job), Value: entry}, store.Any()))
}

func openEntry(j fleet.Job) OpenEntry {
	return OpenEntry{Job: j.ID, Run: j.Run, Folded: j.Folded, Repo: j.Repository, Confirmed: j.Confirmed, Created: j.Created}
}

func queuedWrites(old Kept[Job], j Job) []store.Write {
	had, has := old.Exists() && old.V.Counts(), j.Counts()
	var writes []store.Write
	if had && (!has || queuedKey(old.V.Job) != queuedKey(j.Job)) {
		writes = append(writes, store.Delete(queuedKey(old.V.Job), store.Any()))
	}
	if has {
		entry := encode(queuedEntry(j.Job))
		if had && queuedKey(old.V.Job) == queuedKey(j.Job) && bytes.Equal(entry, encode(queuedEntry(old.V.Job))) {
			return writes
		}
		writes = append(writes, store.Put(store.Row{Key: queuedKey(j.Job), Value: entry}, store.Any()))
	}
	return writes
}

func queuedEntry(j fleet.Job) QueuedEntry {
	return QueuedEntry{Job: j.ID, Demand: j.Demand, Queued: j.Queued, BackoffUntil: j.BackoffUntil}
}

// OpenJobs reads every job of a repository that is not over.
func (r *Records) OpenJobs(ctx context.Context, host string, repository int64) ([]OpenEntry, error) {
	return all[OpenEntry](ctx, r, openPartition(host, repository), "")
}

func jobsPartition(s fleet.JobState) string { return "jobs/" + string(s) }
