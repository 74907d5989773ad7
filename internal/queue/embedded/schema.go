package embedded

// applicationID is "RFqu" in ASCII.
const applicationID = 0x52467175

// migrations lists the scripts of all schema versions; those that were released never change.
//
// A message's body never moves: what changes with a delivery is in a small row of its own. Visible is NULL for a dead
// letter; generation counts all deliveries, also those before a redrive, so that no two have the same receipt. Times are
// in nanoseconds since 1970.
func migrations() []string {
	return []string{
		`CREATE TABLE messages (
			id INTEGER PRIMARY KEY,
			sent INTEGER NOT NULL,
			attributes BLOB,
			body BLOB NOT NULL
		);
		CREATE TABLE deliveries (
			id INTEGER PRIMARY KEY,
			visible INTEGER,
			receives INTEGER NOT NULL,
			generation INTEGER NOT NULL
		);
		CREATE INDEX deliveries_visible ON deliveries (visible) WHERE visible IS NOT NULL;
		CREATE INDEX deliveries_dead ON deliveries (id) WHERE visible IS NULL`,
	}
}
