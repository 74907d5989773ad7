package ec2_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/catalog"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider"
	"github.com/runs-fleet/runs-fleet/internal/provider/ec2"
	"github.com/runs-fleet/runs-fleet/internal/provider/sim"
)

// kept is a cache in memory.
type kept struct {
	mu      sync.Mutex
	content map[fleet.Site][]byte
}

func (k *kept) Load(_ context.Context, s fleet.Site) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.content[s], nil
}

func (k *kept) Save(_ context.Context, s fleet.Site, b []byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.content == nil {
		k.content = map[fleet.Site][]byte{}
	}
	k.content[s] = b
	return nil
}

func inventory(t *testing.T, p *ec2.Provider) *ec2.Inventory {
	t.Helper()
	inv, ok := p.Inventory(site)
	if !ok || inv == nil {
		t.Fatal("nothing is known of the site")
	}
	return inv
}

func TestWhatARegionOffersIsKnown(t *testing.T) { // failure mode D9
	w := newWorld(t, 100)
	inv := inventory(t, w.provider())
	if len(inv.Zones) != 3 || !inv.At.Equal(w.clock.Now()) {
		t.Fatalf("zones %+v of %s", inv.Zones, inv.At)
	}
	newest := func(z ec2.Zone) bool { return slices.Contains(z.Offered, "c8i.large") }
	if !newest(inv.Zones[0]) || newest(inv.Zones[2]) {
		t.Error("it is not known that the third zone lacks the newest types")
	}
	ty, _ := inv.Catalog().Type("c7i.large")
	listed, _ := embedded(t).Type("c7i.large")
	lowest := listed.OnDemand
	for _, z := range w.cloud.Zones(site.Region) {
		usd, _ := w.cloud.Price(sim.Pool{Region: site.Region, Zone: z, Type: "c7i.large", Market: fleet.Spot}, fleet.Linux, w.clock.Now())
		lowest = min(lowest, usd)
	}
	if diff := ty.Spot - lowest; diff > 1e-3 || diff < -1e-3 || ty.OnDemand != listed.OnDemand {
		t.Errorf("c7i.large costs %g on spot and %g on demand, want %g and %g", ty.Spot, ty.OnDemand, lowest, listed.OnDemand)
	}
	if len(inv.Images) != 2 || inv.Images[0].Device != "/dev/sda1" || inv.Images[0].MinGB != 8 {
		t.Errorf("images %+v", inv.Images)
	}
}

func TestTypesWithoutAPriceAreLeftOutAndNamed(t *testing.T) {
	w := newWorld(t, 100)
	var some []catalog.Type
	for _, ty := range embedded(t).Types() {
		if ty.Family() != "c7i" {
			some = append(some, ty)
		}
	}
	prices, err := catalog.New(some)
	if err != nil {
		t.Fatal(err)
	}
	inv := inventory(t, w.provider(func(o *ec2.Options) { o.Prices = prices }))
	if _, used := inv.Catalog().Type("c7i.large"); used || !slices.Contains(inv.Unpriced, "c7i.large") {
		t.Errorf("a type without a price: used %v, named in %v", used, inv.Unpriced)
	}
}

func TestTheNewestImageIsTakenAndAnotherArchitecturesRefused(t *testing.T) { // failure modes D7, L19
	w := newWorld(t, 100)
	_, err := ec2.New(t.Context(), w.options(func(o *ec2.Options) { o.Sites[0].Images[0].Source = ec2.DefaultSource(fleet.ARM64) }))
	if err == nil || !strings.Contains(err.Error(), "is for arm64, and was named for amd64") {
		t.Errorf("an image of another architecture: %v", err)
	}
	_, err = ec2.New(t.Context(), w.options(func(o *ec2.Options) { o.Sites[0].Images[0].Source = "099720109477/nothing-*" }))
	if err == nil || !strings.Contains(err.Error(), "there is no image") {
		t.Errorf("an image that is not there: %v", err)
	}
	asked := ""
	id := inventory(t, w.provider()).Images[0].ID
	p := w.provider(func(o *ec2.Options) {
		o.Sites[0].Images[0].Source = "ssm:/images/ubuntu"
		o.Parameter = func(_ context.Context, region, name string) (string, error) {
			asked = region + name
			return id + "\n", nil
		}
	})
	if got := inventory(t, p).Images[0].ID; got != id || asked != "us-east-1/images/ubuntu" {
		t.Errorf("the parameter %s gives %s, want %s", asked, got, id)
	}
}

func TestOneSubnetOfEachZoneIsUsed(t *testing.T) { // failure mode D5
	w := newWorld(t, 100)
	p := w.provider(func(o *ec2.Options) { o.Sites[0].Subnets = slices.Concat(w.subnets, w.subnets[:1]) })
	if n := len(inventory(t, p).Zones); n != 3 {
		t.Errorf("%d zones of four subnets in three", n)
	}
	w.launch(p, request("l-1", 3)) // EC2 refuses two overrides for one type in one zone
	_, err := ec2.New(t.Context(), w.options(func(o *ec2.Options) { o.Sites[0].Subnets = []string{"subnet-0123456789abcdef0"} }))
	if err == nil || !strings.Contains(err.Error(), "InvalidSubnetID.NotFound") {
		t.Errorf("a subnet that is not there: %v", err)
	}
}

func TestAServerStartsWithWhatWasKnownWhenEC2DoesNotAnswer(t *testing.T) {
	w := newWorld(t, 100)
	cache := &kept{}
	with := func(o *ec2.Options) { o.Cache = cache }
	first := w.provider(with)
	down := true
	w.through = func(next http.RoundTripper) http.RoundTripper {
		return &between{next: next, instead: func(action string) *http.Response {
			if down && strings.HasPrefix(action, "Describe") {
				return refusal(503, "Unavailable")
			}
			return nil
		}}
	}
	if _, err := ec2.New(t.Context(), w.options()); err == nil {
		t.Fatal("a server starts without knowing anything")
	}
	second := w.provider(with)
	r := request("l-1", 2)
	frozen, err := first.Freeze(r)
	again, errAgain := second.Freeze(r)
	if err = errors.Join(err, errAgain); err != nil || string(frozen) != string(again) {
		t.Errorf("the plans differ: %v\n%s\n%s", err, frozen, again)
	}
	w.launch(second, r)
	_, err = ec2.New(t.Context(), w.options(with, func(o *ec2.Options) { o.Sites[0].Subnets = w.subnets[:1] }))
	if err == nil {
		t.Error("what was kept of other subnets is used")
	}
}

func TestInventoriesAreRefreshedHourlyAndWhenTheyProveWrong(t *testing.T) { // failure mode D9
	w := newWorld(t, 100)
	p := w.provider()
	start := w.clock.Now()
	asked := func(d time.Duration) int {
		before := w.count("DescribeSpotPriceHistory")
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		w.clock.until(w.clock.Now().Add(d), cancel)
		p.Run(ctx)
		return w.count("DescribeSpotPriceHistory") - before
	}
	if n := asked(30 * time.Minute); n != 0 {
		t.Errorf("asked %d times in half an hour", n)
	}
	if n := asked(45 * time.Minute); n == 0 || !inventory(t, p).At.After(start) {
		t.Errorf("asked %d times in an hour and a quarter", n)
	}
	w.through = func(next http.RoundTripper) http.RoundTripper {
		return &between{next: next, instead: func(action string) *http.Response {
			if action == "CreateFleet" {
				return refusal(400, "InvalidAMIID.NotFound")
			}
			return nil
		}}
	}
	p = w.provider()
	if a, err := p.Launch(t.Context(), request("l-1", 1)); !errors.Is(err, provider.ErrInvalid) {
		t.Fatalf("Launch = %+v, %v", a, err)
	}
	if n := asked(2 * time.Minute); n == 0 {
		t.Error("an image that is gone is not looked for again")
	}
}
