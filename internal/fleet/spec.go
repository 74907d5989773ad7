package fleet

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"
)

// OS is an operating system as the labels spell it.
type OS string

// Arch is a processor architecture as Go spells it.
type Arch string

// The platforms that the label grammar knows.
const (
	Linux   OS   = "linux"
	Windows OS   = "windows"
	AMD64   Arch = "amd64"
	ARM64   Arch = "arm64"
)

// Range is an inclusive range; a zero Max has no upper bound, a zero Range is no requirement.
type Range struct {
	Min int `json:"min,omitempty"`
	Max int `json:"max,omitempty"`
}

// Disk is what a job needs of its root volume; zero fields are the configuration's or the provider's choice.
type Disk struct {
	SizeGB         int    `json:"size_gb,omitempty"`
	Type           string `json:"type,omitempty"`
	ThroughputMBps int    `json:"throughput_mbps,omitempty"`
	IOPS           int    `json:"iops,omitempty"`
}

// Market says how a machine may be bought.
type Market string

// The markets. AnyMarket leaves the choice to the configuration.
const (
	AnyMarket Market = ""
	Spot      Market = "spot"
	OnDemand  Market = "on-demand"
)

// Spec is what a label asks of a machine: requirements only, never prices, so that it changes only when the
// configuration does (rule 1.9). Slices are in the author's order where order means preference (Regions), else sorted.
type Spec struct {
	CPU          Range    `json:"cpu"`
	RAM          Range    `json:"ram,omitzero"` // GiB
	Families     []string `json:"families,omitempty"`
	InstanceType string   `json:"instance_type,omitempty"` // exact type of a runner's short form
	Generation   int      `json:"generation,omitempty"`
	Archs        []Arch   `json:"archs"`
	OS           OS       `json:"os"`
	Image        string   `json:"image,omitempty"`
	Disk         Disk     `json:"disk,omitzero"`
	Pool         string   `json:"pool,omitempty"`
	Market       Market   `json:"market,omitempty"`
	Regions      []string `json:"regions,omitempty"`
	Private      bool     `json:"private,omitempty"`
}

// Retry says what happens to a job whose machine is reclaimed.
type Retry string

// The values of the retry key.
const (
	RetryWhenInterrupted Retry = "when-interrupted"
	RetryNever           Retry = "never"
)

// Resolved is what a job's labels mean under one revision of the configuration.
type Resolved struct {
	Environment string        `json:"environment"`
	Spec        Spec          `json:"spec"`
	MaxRuntime  time.Duration `json:"max_runtime"`
	Retry       Retry         `json:"retry"`
	// Warnings are for the job's history: each is one sentence.
	Warnings []string `json:"warnings,omitempty"`
}

// DefaultMaxRuntime is the longest that a job may run when its label says nothing.
const DefaultMaxRuntime = 6 * time.Hour

// Shape is what a machine must be. Many demands share one shape, since labels usually carry a run id.
type Shape struct {
	Environment string `json:"environment"`
	Spec        Spec   `json:"spec"`
}

// ShapeKey identifies a shape: 16 hexadecimal characters.
type ShapeKey string

// Key is the same for equal shapes and, for all that matters, only for those.
func (s Shape) Key() ShapeKey { return ShapeKey(digest(s)) }

func digest(v any) string {
	b, err := json.Marshal(v)
	if err != nil { // only for types that JSON cannot hold, which these are not
		panic("fleet: " + err.Error())
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}
