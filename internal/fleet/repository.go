package fleet

// Repository names a repository at a GitHub host. Keys use the ids, which survive a rename or a transfer; calls use the
// names.
type Repository struct {
	Host         string `json:"host"` // github.com, or the host of a GitHub Enterprise Server
	ID           int64  `json:"id"`
	Owner        string `json:"owner"`
	Name         string `json:"name"`
	Private      bool   `json:"private,omitempty"`
	Installation int64  `json:"installation,omitempty"` // 0 with a personal token
}

// FullName returns "owner/name".
func (r Repository) FullName() string { return r.Owner + "/" + r.Name }
