package fleet

import "time"

// Pool keeps machines of one kind ready or stopped, so that a job need not wait until one has booted. How many, and when,
// is its schedule's to say.
type Pool struct {
	Name        string `json:"name"`
	Environment string `json:"environment"`
	Region      string `json:"region,omitempty"` // empty: the environment's first
	// Spec is what its machines are made to be.
	Spec Spec `json:"spec"`
	// MatchSpec lets it serve jobs that do not name it, as far as its machines satisfy their specs.
	MatchSpec bool `json:"match_spec,omitempty"`
	// Max bounds its machines that no job has taken, whatever state they are in and whatever its schedule says.
	Max int `json:"max"`
	// IdleTimeout is how long a machine that is more than enough stays before it is stopped or ended.
	IdleTimeout time.Duration `json:"idle_timeout"`
}

// Key identifies the pool, in the form of a shape's key: the rows of its machines are where those of a shape would be. It is
// of the name and not of the spec, so that a change of the spec finds the machines that were made before.
func (p Pool) Key() ShapeKey {
	return ShapeKey(digest(struct{ Pool, Environment, Region string }{p.Name, p.Environment, p.Region}))
}

// Revision is of what the pool's machines are made of: a machine of another revision is replaced.
func (p Pool) Revision() string { return digest(p.Spec) }

// PoolPlace is what a machine is kept for until a job takes it.
type PoolPlace struct {
	Pool string `json:"pool"`
	// Revision is the pool's when the machine was launched.
	Revision string `json:"revision"`
	// Spec is what the machine was made to be: which jobs it can serve.
	Spec Spec `json:"spec"`
	// Bank says that it was launched to be stopped as soon as it has booted.
	Bank bool `json:"bank,omitempty"`
}
