// Package sqlitedb is what the embedded backends have in common: a SQLite file with a schema version, readers that see
// what is committed, and one writer that commits in groups.
//
// A commit that survives a power cut costs an fsync, which takes longer than everything else that a write does. Callers of
// Write that arrive during one commit therefore share the next: each gets its answer after the fsync of its group, and
// their number per second is bound by the size of the group rather than by the disk.
package sqlitedb
