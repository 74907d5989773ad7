package fleet

// Site is where machines live: an environment in a region. It is part of the key of everything that lives in a region.
type Site struct {
	Environment string `json:"environment"`
	Region      string `json:"region"`
}

// String returns "environment/region".
func (s Site) String() string { return s.Environment + "/" + s.Region }

// DefaultEnvironment is the environment of a fleet that configures none.
const DefaultEnvironment = "default"

// LocalRegion is the region of machines that are processes of the server's own machine.
const LocalRegion = "local"
