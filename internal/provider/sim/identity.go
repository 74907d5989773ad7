package sim

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/agentapi"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider"
)

// Document is an instance identity document, with the fields that matter to us (page "instance-identity-documents").
type Document struct {
	AccountID        string     `json:"accountId"`
	Architecture     fleet.Arch `json:"architecture"`
	AvailabilityZone string     `json:"availabilityZone"`
	InstanceID       string     `json:"instanceId"`
	InstanceType     string     `json:"instanceType"`
	PendingTime      time.Time  `json:"pendingTime"`
	Region           string     `json:"region"`
}

// Identity returns an instance's identity document and its signature, as its metadata service would. Only an instance
// whose operating system is up can ask for it. AWS signs with RSA; the simulator with an Ed25519 key of its own, made of its
// seed.
func (c *Cloud) Identity(id string, now time.Time) (document, signature string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance(now)
	m, ok := c.machines[id]
	if !ok || !m.up {
		return "", "", fmt.Errorf("instance %q does not run, so nothing on it can ask who it is", id)
	}
	b, err := json.Marshal(Document{
		AccountID: c.account, Architecture: m.arch, AvailabilityZone: m.pool.Zone, InstanceID: m.id,
		InstanceType: m.pool.Type, PendingTime: m.launched, Region: m.pool.Region,
	})
	if err != nil {
		return "", "", fmt.Errorf("encoding the identity document: %w", err)
	}
	document = string(b)
	if signature = c.signed[document]; signature == "" {
		signature = base64.StdEncoding.EncodeToString(ed25519.Sign(c.key, b))
		c.signed[document] = signature
	}
	return document, signature, nil
}

// PublicKey is the key that signatures of identity documents are verified with.
func (c *Cloud) PublicKey() ed25519.PublicKey { return c.key.Public().(ed25519.PublicKey) } //nolint:forcetypeassert // its own kind of key

// verify returns the live instance that a document stands for. A refusal is final; an instance that is not known yet may
// say hello again.
func (c *Cloud) verify(document, signature string, now time.Time) (Instance, error) {
	if !c.hasSigned(document, signature) {
		return Instance{}, fmt.Errorf("%w: the identity document is not signed by the cloud", agentapi.ErrRefused)
	}
	var d Document
	if err := json.Unmarshal([]byte(document), &d); err != nil {
		return Instance{}, fmt.Errorf("%w: the identity document cannot be read: %w", agentapi.ErrRefused, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance(now)
	m, ok := c.machines[d.InstanceID]
	switch {
	case !ok || d.AccountID != c.account || d.Region != m.pool.Region:
		return Instance{}, fmt.Errorf("%w: the identity document is of no instance in this account", agentapi.ErrRefused)
	case c.now.Before(m.visible):
		return Instance{}, fmt.Errorf("looking %s up: %w", m.id, refuse(actionDescribe, CodeNotFound, "The instance ID '%s' does not exist", m.id))
	case !m.state().Live() || m.state() == provider.Stopped:
		return Instance{}, fmt.Errorf("%w: instance %s is %s", agentapi.ErrRefused, m.id, m.state())
	default:
		return m.now(), nil
	}
}

// hasSigned says whether a signature is the cloud's. One that it gave out, letter for letter, needs no arithmetic.
func (c *Cloud) hasSigned(document, signature string) bool {
	c.mu.Lock()
	given := c.signed[document]
	c.mu.Unlock()
	if given != "" && given == signature {
		return true
	}
	raw, err := base64.StdEncoding.DecodeString(signature)
	return err == nil && document != "" && ed25519.Verify(c.PublicKey(), []byte(document), raw)
}
