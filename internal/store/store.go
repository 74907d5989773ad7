// Package store is the interface to the control plane's database: five primitives that DynamoDB does well and SQLite
// does easily. Backends are in the folders beside this file; storetest is the suite that each of them passes. Typed rows
// are made of these primitives in package record.
package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// The limits are DynamoDB's (Amazon DynamoDB Developer Guide, "Quotas"), and every backend enforces them.
const (
	MaxTransaction = 100       // writes of one transaction
	MaxRowBytes    = 400_000   // keys, value and index keys of one row (the limit is 400 KB)
	MaxTransactMB  = 4         // megabytes of one transaction
	MaxPageBytes   = 1_000_000 // what one page of a query reads (the limit is 1 MB)
	MaxSortBytes   = 1024      // a sort key; in an index, with the row's key joined to it
	MaxKeyBytes    = 2048      // a partition key
)

// Key names one row. Both parts are non-empty (an empty key attribute is illegal in DynamoDB).
type Key struct {
	Partition, Sort string
}

// String is for errors and logs.
func (k Key) String() string { return k.Partition + " " + k.Sort }

// Row is one item. Version counts its writes, from 1; it restarts when a row is deleted and put again.
type Row struct {
	Key     Key
	Version uint64
	Value   []byte
	// Index1 and Index2 are the row's keys in the two indexes; a zero key leaves it out of that index.
	Index1, Index2 Key
	// Expires is when the row ceases to exist for every reader (whole seconds); zero is never.
	Expires time.Time
}

// Condition is what must hold of the present row for a write to be made.
type Condition struct {
	kind    conditionKind
	version uint64
}

type conditionKind int

const (
	condAny conditionKind = iota
	condAbsent
	condPresent
	condVersion
)

// Any always holds.
func Any() Condition { return Condition{kind: condAny} }

// Absent holds when there is no such row (or it has expired).
func Absent() Condition { return Condition{kind: condAbsent} }

// Present holds when there is such a row.
func Present() Condition { return Condition{kind: condPresent} }

// At holds when the row has exactly this version; At(0) is Absent.
func At(version uint64) Condition {
	if version == 0 {
		return Absent()
	}
	return Condition{kind: condVersion, version: version}
}

// Holds says whether the condition allows a write over a row of this version; 0 stands for no row.
func (c Condition) Holds(version uint64) bool {
	switch c.kind {
	case condAbsent:
		return version == 0
	case condPresent:
		return version != 0
	case condVersion:
		return version == c.version
	default:
		return true
	}
}

// Parts returns what a backend needs to express the condition in its own language.
func (c Condition) Parts() (anything, absent, present bool, version uint64) {
	return c.kind == condAny, c.kind == condAbsent, c.kind == condPresent, c.version
}

// Op is the kind of a write.
type Op int

// The kinds of writes.
const (
	OpPut Op = iota
	OpDelete
	OpCheck // writes nothing; its condition must hold
)

// Write is one member of a transaction. A put raises the row's version by one.
type Write struct {
	Op  Op
	Row Row // a delete or a check uses its Key only
	If  Condition
}

// Put writes row (its Version is ignored) if the condition holds.
func Put(row Row, c Condition) Write { return Write{Op: OpPut, Row: row, If: c} }

// Delete removes the row if the condition holds; removing what is absent under Any succeeds.
func Delete(key Key, c Condition) Write { return Write{Op: OpDelete, Row: Row{Key: key}, If: c} }

// Check makes the transaction depend on a row that it does not write.
func Check(key Key, c Condition) Write { return Write{Op: OpCheck, Row: Row{Key: key}, If: c} }

// Query selects rows of one partition, by sort key ascending unless Descending. Prefix, From (inclusive) and To
// (exclusive) bound the sort key and may be combined; an empty bound does not bound.
type Query struct {
	Partition        string
	Prefix, From, To string
	Descending       bool
	Limit            int // rows of the page; 0 is the backend's page
	// Keys asks an index for rows with nothing but their keys, its own among them: all that an index of DynamoDB holds. Rows
	// that have expired may be among them, and such as have just left their place.
	Keys   bool
	Cursor string // Next of the page before
}

// Page is part of an answer. Next is empty on the last page; a page may be empty and still have a Next.
type Page struct {
	Rows []Row
	Next string
}

// IndexName names one of the two indexes.
type IndexName int

// The indexes.
const (
	Index1 IndexName = 1
	Index2 IndexName = 2
)

// Store is implemented by each backend. Errors that are none of the below mean *unknown*: a write may have been made.
type Store interface {
	// Get returns the row, or ErrNotFound. It is consistent.
	Get(ctx context.Context, key Key) (Row, error)
	// Query reads one partition consistently, page by page.
	Query(ctx context.Context, q Query) (Page, error)
	// Transact makes all writes or none; a key may occur once. A condition that does not hold, or a concurrent
	// transaction, is a *ConflictError.
	Transact(ctx context.Context, writes []Write) error
	// Index reads an index, ordered by its sort key and then by the row's key. It may lag: it serves pages and sweeps,
	// never decisions.
	Index(ctx context.Context, name IndexName, q Query) (Page, error)
	// Close releases what the store holds; the store must not be used afterwards.
	Close() error
}

// Deferrer is implemented by a store whose transactions wait for a disk, and which can leave that to later.
type Deferrer interface {
	// TransactDeferred is Transact, except that a power cut may undo it until a later Transact or Sync has returned. It is
	// undone together with everything that was written after it, so that no reader ever depends on what is missing.
	TransactDeferred(ctx context.Context, writes []Write) error
	// Sync returns when every deferred transaction that had returned before is durable.
	Sync(ctx context.Context) error
}

// ErrNotFound is returned by Get.
var ErrNotFound = errors.New("no such row")

// ConflictError says which writes of a transaction were refused by their condition; Failed is empty when a concurrent
// transaction got in the way, in which case the same transaction may be tried again.
type ConflictError struct {
	Failed []int
	Key    Key
}

func (e *ConflictError) Error() string {
	if len(e.Failed) == 0 {
		return "transaction conflicts with another"
	}
	return fmt.Sprintf("condition of write %d (%s) does not hold", e.Failed[0], e.Key)
}

// IsConflict says whether err is, or wraps, a *ConflictError.
func IsConflict(err error) bool {
	var c *ConflictError
	return errors.As(err, &c)
}

// ErrInvalid wraps what a backend refuses before it looks at any row: empty keys, a row or a transaction over a limit, a
// key that occurs twice.
var ErrInvalid = errors.New("invalid request to the store")
