package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/runs-fleet/runs-fleet/internal/agentapi"
	"github.com/runs-fleet/runs-fleet/internal/awsclient"
	"github.com/runs-fleet/runs-fleet/internal/bootstrap"
	"github.com/runs-fleet/runs-fleet/internal/catalog"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/label"
	"github.com/runs-fleet/runs-fleet/internal/provider/ec2"
	"github.com/runs-fleet/runs-fleet/internal/provider/host"
	"github.com/runs-fleet/runs-fleet/internal/record"
	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/settings"
	"github.com/runs-fleet/runs-fleet/internal/version"
)

// ec2Machines make a provider on EC2 what the server asks about machines.
type ec2Machines struct{ *ec2.Provider }

// Verify proves who says hello by the identity document that AWS signed.
func (m ec2Machines) Verify(ctx context.Context, h agentapi.Hello) (host.Identity, error) {
	id, err := m.Provider.Verify(ctx, h)
	return host.Identity(id), err
}

// Bounds of machines of EC2.
const (
	ec2Runners = 100              // unless max_runners says otherwise: a mistake must not cost a fortune
	ec2Boot    = 10 * time.Minute // until the agent is started; the controller gives up after five
	ec2Listing = 15 * time.Second
)

// instances is what a provider on EC2 is made of, for a server and for an examination of its settings.
type instances struct {
	settings settings.Settings
	fleet    string
	cache    ec2.Cache
	tally    *awsclient.Tally
	clock    seam.Clock
	random   seam.Random
	log      *slog.Logger
}

// open finds the agents, writes the bootstrap script and asks EC2 what the region offers.
func (i instances) open(ctx context.Context) (*ec2.Provider, []bootstrap.Program, fleet.Site, error) {
	none := fleet.Site{}
	cfg, err := awsConfig(ctx, settings.Backend{Scheme: "EC2", Region: i.settings.EC2.Region})
	if err != nil {
		return nil, nil, none, err
	}
	site := fleet.Site{Environment: fleet.DefaultEnvironment, Region: cfg.Region}
	programs, err := i.programs()
	if err != nil {
		return nil, nil, none, err
	}
	of, images := map[fleet.Arch]string{}, []ec2.Image{}
	for _, p := range programs {
		of[p.Arch] = p.SHA256
		source := i.settings.EC2.Image(p.Arch)
		if source == "" {
			source = ec2.DefaultSource(p.Arch)
		}
		images = append(images, ec2.Image{OS: fleet.Linux, Arch: p.Arch, Source: source})
	}
	script, err := bootstrap.Script{
		ControlPlane: i.settings.ControlPlane, Fleet: i.fleet, AMD64: of[fleet.AMD64], ARM64: of[fleet.ARM64], Boot: ec2Boot,
	}.Render()
	if err != nil {
		return nil, nil, none, err
	}
	prices, err := catalog.Embedded()
	if err != nil {
		return nil, nil, none, fmt.Errorf("reading the price list: %w", err)
	}
	p, err := ec2.New(ctx, ec2.Options{
		Fleet: i.fleet, Prices: prices, Cache: i.cache, Tally: i.tally, Clock: i.clock, Random: i.random, Logger: i.log,
		Config: func(region string) aws.Config {
			in := cfg.Copy()
			in.Region = region
			return in
		},
		Parameter: parameters(cfg),
		Sites: []ec2.Site{{
			Site: site, Subnets: i.settings.EC2.Subnets, SecurityGroups: i.settings.EC2.SecurityGroups, Images: images,
			Profile: i.settings.EC2.Profile, Tags: i.settings.EC2.TagMap(), UserData: script,
		}},
	})
	if err != nil {
		return nil, nil, none, err
	}
	return p, programs, site, nil
}

// parameters reads the parameters of Systems Manager that name images.
func parameters(cfg aws.Config) func(context.Context, string, string) (string, error) {
	return func(ctx context.Context, region, name string) (string, error) {
		out, err := ssm.NewFromConfig(cfg, func(o *ssm.Options) { o.Region = region }).GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String(name)})
		if err != nil {
			return "", fmt.Errorf("asking Systems Manager in %s: %w", region, err)
		}
		return aws.ToString(out.Parameter.Value), nil
	}
}

// programs finds the agent for each architecture. One of them is enough: labels for the other are refused then.
func (i instances) programs() ([]bootstrap.Program, error) {
	files := i.settings.EC2.Agents
	if len(files) == 0 {
		var err error
		if files, err = besideAgents(i.settings.Agent); err != nil {
			return nil, err
		}
	}
	var found []bootstrap.Program
	seen := map[fleet.Arch]string{}
	for _, file := range files {
		p, err := bootstrap.Open(file)
		if err != nil {
			return nil, fmt.Errorf("the agent for machines of EC2: %w", err)
		}
		if other := seen[p.Arch]; other != "" {
			return nil, &settings.Error{What: fmt.Sprintf("ec2_agent: both %s and %s are for %s: remove one of them", other, file, p.Arch)}
		}
		seen[p.Arch] = file
		found = append(found, p)
	}
	return found, nil
}

// besideAgents are the agents beside this program: its own architecture's, and those with an architecture in their name.
func besideAgents(configured string) ([]string, error) {
	own, err := findAgent(configured)
	if err != nil {
		return nil, err
	}
	files := []string{own}
	for _, arch := range []string{"amd64", "arm64"} {
		other := filepath.Join(filepath.Dir(own), agentName+"-linux-"+arch)
		if _, err := os.Stat(other); arch != runtime.GOARCH && err == nil {
			files = append(files, other)
		}
	}
	return files, nil
}

// instanceMachines opens EC2 for a server.
func (p *parts) instanceMachines(ctx context.Context, s *server) (machines, error) {
	made, programs, site, err := instances{
		settings: s.settings, fleet: p.identity.Fleet, cache: record.Inventories{Records: p.records}, tally: &p.calls,
		clock: s.clock, random: s.random, log: s.log,
	}.open(ctx)
	if err != nil {
		return machines{}, err
	}
	m := machines{
		Machines: ec2Machines{made}, about: host.About{Isolation: "instance", Slots: ec2Runners, OS: fleet.Linux, Version: version.Current().Version},
		site: site, listing: ec2Listing, refresh: made.Run,
		programs: func(next http.Handler) http.Handler { return bootstrap.Handler(programs, next) },
	}
	for _, program := range programs {
		m.platforms = append(m.platforms, label.Platform{OS: fleet.Linux, Arch: program.Arch})
	}
	if len(m.platforms) == 0 {
		return machines{}, errors.New("there is no agent for any architecture")
	}
	return m, nil
}
