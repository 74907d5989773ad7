package record

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/store"
)

func shapePartition(k fleet.ShapeKey) string { return "shape/" + string(k) }

const (
	headSort      = "head"
	aliveSort     = "alive"
	queuedPrefix  = "job/"
	launchPrefix  = "launch/"
	machinePrefix = "machine/"
)

// Head is what a decision about a shape depends on and raises the version of.
type Head struct {
	Key   fleet.ShapeKey `json:"key"`
	Shape fleet.Shape    `json:"shape"`
	// Former are shapes that demands of this one belonged to, directly or before yet others: machines held for them may still be
	// counted there.
	Former []fleet.ShapeKey `json:"former,omitempty"`
	// Moved are demands that belonged to this shape and now belong to another (rule 1.9).
	Moved map[fleet.DemandKey]fleet.ShapeKey `json:"moved,omitempty"`
	// Refused are demands whose mints GitHub refuses, until when (rule 4.6).
	Refused map[fleet.DemandKey]time.Time `json:"refused,omitempty"`
	// Surplus says since when a machine is surplus (rule 1.10), by its name.
	Surplus map[string]time.Time `json:"surplus,omitempty"`
	// Backoffs rest a (region, market, code) after failures (rule 2.6).
	Backoffs map[string]Backoff `json:"backoffs,omitempty"`
	// Limit is why a needed machine is not being launched, in a sentence for people.
	Limit      string    `json:"limit,omitempty"`
	LimitSince time.Time `json:"limit_since,omitzero"`
	// Pool is the name of the pool whose machines these are, and Shape.Spec what they are made to be; empty for shapes of jobs.
	Pool string `json:"pool,omitempty"`
	// Revision is of what the pool's machines are made of.
	Revision string `json:"revision,omitempty"`
	// Events are what was decided for the pool, each with its reason.
	Events fleet.History `json:"events,omitempty"`
}

// Backoff is one resting market.
type Backoff struct {
	Failures int       `json:"failures"`
	Until    time.Time `json:"until"`
	Message  string    `json:"message,omitempty"`
}

// Alive is the row by which a shape is found while it has jobs or machines. Whoever adds one to the shape depends on this
// row's version (KeepAlive). A shape goes to rest in two steps: it is marked, which makes every addition decided before
// fail, and then removed if it is still empty and unchanged.
type Alive struct {
	Key     fleet.ShapeKey `json:"key"`
	Resting bool           `json:"resting,omitempty"`
}

// View is what a decision reads, in the order of rule 1.11: head, launches, machines, jobs.
type View struct {
	Head     Kept[Head]
	Launches []LaunchEntry
	Machines []fleet.Count
	Jobs     []QueuedEntry
	// Truncated says that there are more queued jobs than Jobs holds: enough to know that the supply falls short.
	Truncated bool
}

func headKey(k fleet.ShapeKey) store.Key {
	return store.Key{Partition: shapePartition(k), Sort: headSort}
}

func aliveKey(k fleet.ShapeKey) store.Key {
	return store.Key{Partition: shapePartition(k), Sort: aliveSort}
}

// Head reads a shape's head.
func (r *Records) Head(ctx context.Context, k fleet.ShapeKey) (Kept[Head], error) {
	return get[Head](ctx, r, headKey(k))
}

// PutHead writes a shape's head, whose version every decision depends on (rule 1.12).
func (r *Records) PutHead(old Kept[Head], h Head) []store.Write {
	row := store.Row{Key: headKey(h.Key), Value: encode(h)}
	if h.Pool != "" {
		row.Index2 = store.Key{Partition: poolsPartition, Sort: h.Pool + "#" + string(h.Key)}
	}
	return []store.Write{store.Put(row, store.At(old.Version))}
}

// Alive reads whether the shape is among those that are looked at regularly.
func (r *Records) Alive(ctx context.Context, k fleet.ShapeKey) (Kept[Alive], error) {
	return get[Alive](ctx, r, aliveKey(k))
}

// KeepAlive makes a transaction depend on the shape's being looked at, and brings it to life if need be.
func (r *Records) KeepAlive(old Kept[Alive], k fleet.ShapeKey) []store.Write {
	if old.Exists() && !old.V.Resting {
		return []store.Write{store.Check(aliveKey(k), store.At(old.Version))}
	}
	return []store.Write{putAlive(old, Alive{Key: k})}
}

// Rest takes the next step towards rest: it marks the shape, or removes a marked one.
func (r *Records) Rest(old Kept[Alive]) []store.Write {
	if old.V.Resting {
		return []store.Write{store.Delete(aliveKey(old.V.Key), store.At(old.Version))}
	}
	return []store.Write{putAlive(old, Alive{Key: old.V.Key, Resting: true})}
}

func putAlive(old Kept[Alive], a Alive) store.Write {
	return store.Put(store.Row{
		Key: aliveKey(a.Key), Value: encode(a), Index2: store.Key{Partition: "shapes", Sort: string(a.Key)},
	}, store.At(old.Version))
}

// View reads all that a decision about a shape needs, consistently and in the order of rule 1.11; of its countable jobs at
// least so many launches' worth more than there are machines.
func (r *Records) View(ctx context.Context, k fleet.ShapeKey, now time.Time, launches int) (View, error) {
	var v View
	var err error
	if v.Head, err = r.Head(ctx, k); err != nil {
		return View{}, err
	}
	p := shapePartition(k)
	if v.Launches, err = all[LaunchEntry](ctx, r, p, launchPrefix); err != nil {
		return View{}, err
	}
	if v.Machines, err = all[fleet.Count](ctx, r, p, machinePrefix); err != nil {
		return View{}, err
	}
	for _, former := range v.Head.V.Former {
		more, err := all[fleet.Count](ctx, r, shapePartition(former), machinePrefix)
		if err != nil {
			return View{}, err
		}
		mine, err := r.heldFor(ctx, v.Head, former, more)
		if err != nil {
			return View{}, err
		}
		v.Machines = append(v.Machines, mine...)
	}
	return v, r.front(ctx, k, &v, now, launches*fleet.MaxLaunchCount)
}

// heldFor picks a former shape's machines that are held for demands of this one (rule 1.9). What such a machine supplies is its own
// shape's, and so are the machines of demands that never left it, or came back.
func (r *Records) heldFor(ctx context.Context, head Kept[Head], former fleet.ShapeKey, machines []fleet.Count) ([]fleet.Count, error) {
	heads := map[fleet.ShapeKey]Head{head.V.Key: head.V}
	var mine []fleet.Count
	for _, m := range machines {
		if m.Demand == "" {
			continue
		}
		owner, err := r.owner(ctx, heads, m.Demand, former)
		if err != nil {
			return nil, err
		}
		if owner == head.V.Key {
			mine = append(mine, m)
		}
	}
	return mine, nil
}

// owner follows a demand from a shape that it belonged to. It is the shape's own head that a decision depends on: whatever moves a
// demand to it or away from it writes that head, so that the others may be read one after the other.
func (r *Records) owner(ctx context.Context, heads map[fleet.ShapeKey]Head, d fleet.DemandKey, at fleet.ShapeKey) (fleet.ShapeKey, error) {
	been := map[fleet.ShapeKey]bool{}
	for !been[at] {
		been[at] = true
		if _, read := heads[at]; !read {
			k, err := r.Head(ctx, at)
			if err != nil {
				return "", err
			}
			heads[at] = k.V
		}
		next, moved := heads[at].Moved[d]
		if !moved {
			return at, nil
		}
		at = next
	}
	return "", nil // it moved while the heads were read, and not to the shape whose decision this is
}

// front reads queued jobs in the order in which they are served, until there are so many that the supply surely falls
// short: the cost of a decision depends on the machines in flight, not on the length of the queue.
func (r *Records) front(ctx context.Context, k fleet.ShapeKey, v *View, now time.Time, spare int) error {
	enough := len(v.Machines) + spare
	for _, l := range v.Launches {
		enough += l.Outstanding
	}
	q := store.Query{Partition: shapePartition(k), Prefix: queuedPrefix, Limit: enough}
	for counted := 0; ; {
		page, err := r.store.Query(ctx, q)
		if err != nil {
			return fmt.Errorf("querying the queued jobs of shape %s: %w", k, err)
		}
		for _, row := range page.Rows {
			e, err := decode[QueuedEntry](row)
			if err != nil {
				return err
			}
			v.Jobs = append(v.Jobs, e.V)
			if v.Counts(e.V, now) {
				counted++
			}
		}
		if page.Next == "" {
			return nil
		}
		if counted >= enough {
			v.Truncated = true
			return nil
		}
		q.Cursor = page.Next
	}
}

// Counts says whether a queued job is part of its demand's need now: it does not back off (rules 4.6, 5.7), and its demand
// belongs to this shape (rule 1.9).
func (v View) Counts(e QueuedEntry, now time.Time) bool {
	_, moved := v.Head.V.Moved[e.Demand]
	return !moved && !now.Before(e.BackoffUntil) && !now.Before(v.Head.V.Refused[e.Demand])
}

// Queued reads every queued job of a shape.
func (r *Records) Queued(ctx context.Context, k fleet.ShapeKey) ([]QueuedEntry, error) {
	return all[QueuedEntry](ctx, r, shapePartition(k), queuedPrefix)
}

// AliveShapes lists the shapes that have jobs or machines. It reads an index: a hint, not a decision.
func (r *Records) AliveShapes(ctx context.Context) ([]fleet.ShapeKey, error) {
	var out []fleet.ShapeKey
	err := r.eachIndexed(ctx, store.Query{Partition: "shapes", Keys: true}, func(row store.Row) error {
		out = append(out, fleet.ShapeKey(strings.TrimPrefix(row.Key.Partition, "shape/")))
		return nil
	})
	return out, err
}
