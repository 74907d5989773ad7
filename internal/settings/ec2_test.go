package settings_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/settings"
)

func TestWhatMachinesOfEC2Need(t *testing.T) { // failure mode D13
	whole := func(s *settings.Settings) {
		s.Provider, s.ControlPlane = settings.ProviderEC2, "https://fleet.example"
		s.EC2 = settings.EC2{Region: "eu-west-1", Subnets: []string{"subnet-0123456789abcdef0"}, SecurityGroups: []string{"sg-0123abcd"}, Tags: []string{"a=b=c"}}
	}
	for _, tt := range []struct {
		name   string
		change func(*settings.Settings)
		want   string // empty: nothing is wrong
	}{
		{"all of it", func(*settings.Settings) {}, ""},
		{"a store that servers share needs no host", func(s *settings.Settings) { s.Store, s.Queue = "dynamodb://fleet", "sqs://fleet" }, ""},
		{"no subnet", func(s *settings.Settings) { s.EC2.Subnets = nil }, "without ec2_subnet"},
		{"no control plane", func(s *settings.Settings) { s.ControlPlane = "" }, "without control_plane"},
		{"a control plane that is no address", func(s *settings.Settings) { s.ControlPlane = "fleet" }, "without a path"},
		{"a host beside it", func(s *settings.Settings) { s.HostURL, s.HostTokenFile = "https://host.example", "token" }, "remove one of the two"},
		{"a region that is none", func(s *settings.Settings) { s.EC2.Region = "Ireland" }, "eu-west-1"},
		{"a subnet that is none", func(s *settings.Settings) { s.EC2.Subnets = []string{"private"} }, "subnet-0123456789abcdef0"},
		{"a group that is none", func(s *settings.Settings) { s.EC2.SecurityGroups = []string{"default"} }, "sg-0123456789abcdef0"},
		{"a tag that is none", func(s *settings.Settings) { s.EC2.Tags = []string{"=x"} }, "KEY=VALUE"},
		{"settings of EC2 for local machines", func(s *settings.Settings) { s.Provider = settings.ProviderLocal }, "add provider: ec2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := sound(t, whole)
			tt.change(&s)
			_, err := s.Check()
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
	if diff := cmp.Diff(map[string]string{"a": "b=c"}, sound(t, whole).EC2.TagMap()); diff != "" {
		t.Error(diff)
	}
}
