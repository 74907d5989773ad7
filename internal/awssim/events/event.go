package events

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/provider/sim"
)

// event is EventBridge's envelope (page "eb-events-structure").
type event struct {
	Version    string   `json:"version"`
	ID         string   `json:"id"`
	DetailType string   `json:"detail-type"`
	Source     string   `json:"source"`
	Account    string   `json:"account"`
	Time       string   `json:"time"`
	Region     string   `json:"region"`
	Resources  []string `json:"resources"`
	Detail     detail   `json:"detail"`
}

type detail struct {
	Instance string `json:"instance-id"`
	Action   string `json:"instance-action,omitempty"`
	State    string `json:"state,omitempty"`
}

// Encode writes an event. One that comes twice has the same id both times. The resources of spot's events name the zone in
// the place of the region and no account, as AWS's do.
func Encode(e sim.Event, account, zone string) ([]byte, error) {
	out := event{
		Version: "0", ID: identifier(e), DetailType: string(e.Kind), Source: "aws.ec2", Account: account, Time: e.At.UTC().Format(time.RFC3339),
		Region: e.Region, Detail: detail{Instance: e.Instance},
		Resources: []string{fmt.Sprintf("arn:aws:ec2:%s:instance/%s", zone, e.Instance)},
	}
	switch e.Kind {
	case sim.StateChanged:
		out.Detail.State = string(e.State)
		out.Resources[0] = fmt.Sprintf("arn:aws:ec2:%s:%s:instance/%s", e.Region, account, e.Instance)
	case sim.InterruptionNoticed:
		out.Detail.Action = "terminate"
	case sim.RebalanceRecommended:
	}
	b, err := json.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("encoding an event of %s: %w", e.Instance, err)
	}
	return b, nil
}

// identifier is a UUID that follows from what happened.
func identifier(e sim.Event) string {
	h := sha256.Sum256(fmt.Appendf(nil, "%s %s %s %d", e.Kind, e.Instance, e.State, e.At.UnixNano()))
	h[6], h[8] = h[6]&0x0f|0x40, h[8]&0x3f|0x80 // version 4, the variant of RFC 9562
	return fmt.Sprintf("%x-%x-%x-%x-%x", h[0:4], h[4:6], h[6:8], h[8:10], h[10:16])
}
