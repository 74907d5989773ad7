// Package schedule says how large a pool is meant to be at a time: windows of the week or of dates, in a zone of the IANA
// database, through the changes of daylight-saving time.
//
// The rules are those of docs/pools.md: the last matching window wins, and no match means the pool's own numbers. A window
// belongs to the day on which it starts, and ends on the next one when its end is not after its start. A local time that
// does not exist begins at the first instant after the gap; one that exists twice is the first of the two.
//
// The package is pure. The zone database is linked in, so that a machine without one gives the same answers.
package schedule
