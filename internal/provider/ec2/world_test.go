package ec2_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/runs-fleet/runs-fleet/internal/awssim"
	"github.com/runs-fleet/runs-fleet/internal/catalog"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider"
	"github.com/runs-fleet/runs-fleet/internal/provider/ec2"
	"github.com/runs-fleet/runs-fleet/internal/provider/ec2/api"
	"github.com/runs-fleet/runs-fleet/internal/provider/sim"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// world is a simulated EC2 that the real SDK talks to, in one process and without a socket.
type world struct {
	t       *testing.T
	clock   *stepped
	cloud   *sim.Cloud
	server  *awssim.Server
	subnets []string
	through func(http.RoundTripper) http.RoundTripper

	mu    sync.Mutex
	calls []awssim.Observed
}

// stepped is a clock that goes on when it is slept on, and by itself not at all.
type stepped struct {
	mu   sync.Mutex
	now  time.Time
	at   time.Time // when then is called, once
	then func()
}

// until calls f when the time has come.
func (c *stepped) until(at time.Time, f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at, c.then = at, f
}

func (c *stepped) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *stepped) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if d > 0 {
		c.now = c.now.Add(d)
	}
	if c.then != nil && !c.now.Before(c.at) {
		c.then()
		c.then = nil
	}
	return ctx.Err()
}

func (c *stepped) WithTimeout(ctx context.Context, _ time.Duration) (context.Context, context.CancelFunc) {
	return context.WithCancel(ctx)
}

type seeded struct {
	mu sync.Mutex
	r  *rand.Rand
}

func (s *seeded) Uint64() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.r.Uint64()
}

func (s *seeded) Token(n int) string { return fmt.Sprintf("%0*x", 2*n, s.Uint64()) }

func embedded(t *testing.T) catalog.Catalog {
	t.Helper()
	c, err := catalog.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var site = fleet.Site{Environment: "default", Region: "us-east-1"}

func newWorld(t *testing.T, capacity int, change ...func(*sim.Options)) *world {
	t.Helper()
	w := &world{t: t, clock: &stepped{now: time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)}, through: func(r http.RoundTripper) http.RoundTripper { return r }}
	o := sim.Options{
		Clock: w.clock, Random: &seeded{r: rand.New(rand.NewPCG(1, 2))}, Catalog: embedded(t), Regions: sim.DefaultRegions(capacity),
		Timing: sim.DefaultTiming(),
	}
	for _, f := range change {
		f(&o)
	}
	var err error
	if w.cloud, err = sim.New(o); err != nil {
		t.Fatal(err)
	}
	if w.server, err = awssim.New(awssim.Options{Cloud: w.cloud, Clock: w.clock, Observe: w.observe}); err != nil {
		t.Fatal(err)
	}
	found, err := awsec2.NewFromConfig(w.config(site.Region)).DescribeSubnets(t.Context(), &awsec2.DescribeSubnetsInput{})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(found.Subnets, func(a, b types.Subnet) int { return strings.Compare(*a.AvailabilityZone, *b.AvailabilityZone) })
	for _, s := range found.Subnets {
		w.subnets = append(w.subnets, *s.SubnetId)
	}
	return w
}

func (w *world) observe(o awssim.Observed) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, o)
}

// count is how many requests of an action were answered.
func (w *world) count(action string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, c := range w.calls {
		if c.Action == action {
			n++
		}
	}
	return n
}

func (w *world) config(region string) aws.Config {
	return aws.Config{
		Region: region, Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""),
		HTTPClient: &http.Client{Transport: w.through(w.server.Transport())},
	}
}

func images() []ec2.Image {
	var out []ec2.Image
	for _, arch := range []fleet.Arch{fleet.AMD64, fleet.ARM64} {
		out = append(out, ec2.Image{OS: fleet.Linux, Arch: arch, Source: ec2.DefaultSource(arch)})
	}
	return out
}

func (w *world) options(change ...func(*ec2.Options)) ec2.Options {
	o := ec2.Options{
		Fleet: "f1", Config: w.config, Prices: embedded(w.t), Clock: w.clock, Random: seam.Crypto{}, Logger: slog.New(slog.DiscardHandler),
		Sites: []ec2.Site{{Site: site, Subnets: w.subnets, Images: images(), UserData: []byte("#!/bin/sh\n"), Tags: map[string]string{"team": "ci"}}},
		Rates: api.Rates{Reads: api.Rate{Burst: 1000, PerSecond: 100}, Writes: api.Rate{Burst: 1000, PerSecond: 100}},
	}
	for _, f := range change {
		f(&o)
	}
	return o
}

func (w *world) provider(change ...func(*ec2.Options)) *ec2.Provider {
	w.t.Helper()
	p, err := ec2.New(w.t.Context(), w.options(change...))
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

func request(id string, count int, change ...func(*provider.Request)) provider.Request {
	r := provider.Request{
		LaunchID: id, Site: site, Market: fleet.Spot, Count: count,
		Spec: fleet.Spec{CPU: fleet.Range{Min: 2, Max: 4}, Archs: []fleet.Arch{fleet.AMD64}, OS: fleet.Linux},
	}
	for _, f := range change {
		f(&r)
	}
	return r
}

func (w *world) launch(p provider.Provider, r provider.Request) provider.Answer {
	w.t.Helper()
	a, err := p.Launch(w.t.Context(), r)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

func ids(a provider.Answer) []string {
	var out []string
	for _, i := range a.Instances {
		out = append(out, i.ID)
	}
	slices.Sort(out)
	return out
}

func (w *world) list(p provider.Provider) map[string]provider.Instance {
	w.t.Helper()
	all, err := p.List(w.t.Context(), site)
	if err != nil {
		w.t.Fatal(err)
	}
	out := map[string]provider.Instance{}
	for _, i := range all {
		out[i.ID] = i
	}
	return out
}

func readAll(r io.ReadCloser) string {
	b, err := io.ReadAll(r)
	if err = errors.Join(err, r.Close()); err != nil {
		return err.Error()
	}
	return string(b)
}

// securityGroups are those of the simulated account.
func (w *world) securityGroups() []string {
	w.t.Helper()
	found, err := w.sdk().DescribeSecurityGroups(w.t.Context(), &awsec2.DescribeSecurityGroupsInput{})
	if err != nil || len(found.SecurityGroups) == 0 {
		w.t.Fatal(found, err)
	}
	var out []string
	for _, g := range found.SecurityGroups {
		out = append(out, *g.GroupId)
	}
	return out
}
