package sim

import (
	"strings"
	"time"
)

// Bucket is a token bucket: so many at once, and so many a second from then on. The zero bucket has no bottom.
type Bucket struct {
	Size      float64
	PerSecond float64
}

// Limits are the buckets of an account in one region. Each API action has a bucket for its requests, and some have a
// second one for the resources that they concern (page "ec2-api-throttling").
type Limits struct {
	Reads      Bucket // requests of a Describe action
	Writes     Bucket // requests of any other action
	Whole      Bucket // requests of DescribeInstances and its like that have neither a filter nor pages; without a size as Reads
	Launched   Bucket // instances
	Started    Bucket
	Stopped    Bucket
	Terminated Bucket
	// Actions are those that have a bucket of their own size for their requests.
	Actions map[string]Bucket
}

// EC2Limits are a new account's, as the page "ec2-api-throttling" states them in its tables of request and resource token
// buckets. Launched is what it says of RunInstances, which a fleet uses. An account may have others.
func EC2Limits() Limits {
	return Limits{
		Reads: Bucket{100, 20}, Writes: Bucket{50, 5}, Whole: Bucket{50, 10},
		Launched: Bucket{1000, 2}, Started: Bucket{1000, 2}, Stopped: Bucket{1000, 20}, Terminated: Bucket{1000, 20},
		Actions: map[string]Bucket{
			"CreateLaunchTemplateVersion": {100, 5}, "CreateTags": {100, 10}, "DeleteTags": {100, 10},
			actionStart: {5, 2}, actionTerminate: {100, 5},
		},
	}
}

// level is a bucket in use.
type level struct {
	left float64
	at   time.Time
}

// buckets are a region's.
type buckets map[string]*level

// take takes tokens, if there are enough; a refused call takes none.
func (b buckets) take(name string, size Bucket, tokens float64, now time.Time) bool {
	if size.Size <= 0 || tokens <= 0 {
		return true
	}
	l, ok := b[name]
	if !ok {
		l = &level{left: size.Size, at: now}
		b[name] = l
	}
	l.left = min(size.Size, l.left+size.PerSecond*now.Sub(l.at).Seconds())
	l.at = now
	if l.left < tokens {
		return false
	}
	l.left -= tokens
	return true
}

// action is what is being called.
type action struct {
	name      string
	region    string
	resources int
	bounded   bool // by a filter or by pages
}

// whole says whether the call asks for everything, for which some actions have a smaller bucket.
func (a action) whole() bool {
	switch a.name {
	case actionDescribe, "DescribeNetworkInterfaces", "DescribeSecurityGroups", "DescribeVolumes":
		return !a.bounded
	default:
		return false
	}
}

// allows says whether the account's buckets allow the call.
func (l Limits) allows(b buckets, a action, now time.Time) bool {
	requests, resources, bucket := l.Writes, Bucket{}, a.name
	switch a.name {
	case actionFleet:
		resources = l.Launched
	case actionStart:
		resources = l.Started
	case actionStop:
		resources = l.Stopped
	case actionTerminate:
		resources = l.Terminated
	default:
		if strings.HasPrefix(a.name, "Describe") || strings.HasPrefix(a.name, "Get") {
			requests = l.Reads
		}
	}
	if own, ok := l.Actions[a.name]; ok {
		requests = own
	}
	if a.whole() && l.Whole.Size > 0 {
		requests, bucket = l.Whole, a.name+" whole"
	}
	return b.take(bucket, requests, 1, now) && b.take(a.name+" resources", resources, float64(a.resources), now)
}
