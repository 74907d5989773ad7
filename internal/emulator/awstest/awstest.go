// Package awstest gives tests emulators of AWS and configurations to reach them.
package awstest

import (
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/runs-fleet/runs-fleet/internal/awsclient"
	"github.com/runs-fleet/runs-fleet/internal/emulator"
)

// Set keeps at most one process of each emulator, for all tests of a package: a variable of the test package, given to its
// TestMain.
//
//	var emulators awstest.Set
//
//	func TestMain(m *testing.M) { goleak.VerifyTestMain(emulators.Around(m)) }
//
// A test names its tables, queues and buckets by itself (Name), so that tests share a process and nothing else.
type Set struct {
	mu      sync.Mutex
	running map[emulator.Kind]*emulator.Process
}

// MiniStack returns the endpoint of the package's MiniStack.
func (s *Set) MiniStack(t testing.TB) string {
	t.Helper()
	return s.url(t, emulator.MiniStack)
}

// DynamoDBLocal returns the endpoint of the package's DynamoDB Local.
func (s *Set) DynamoDBLocal(t testing.TB) string {
	t.Helper()
	return s.url(t, emulator.DynamoDBLocal)
}

// S3 returns the endpoint of the package's versitygw, which serves S3.
func (s *Set) S3(t testing.TB) string {
	t.Helper()
	return s.url(t, emulator.VersityGW)
}

// Moto returns the endpoint of the package's moto, which serves EC2.
func (s *Set) Moto(t testing.TB) string {
	t.Helper()
	return s.url(t, emulator.Moto)
}

func (s *Set) url(t testing.TB, kind emulator.Kind) string {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.running[kind]; p != nil {
		return p.URL
	}
	p, err := emulator.Start(t.Context(), kind)
	if err != nil {
		t.Fatal(err)
	}
	if s.running == nil {
		s.running = map[emulator.Kind]*emulator.Process{}
	}
	s.running[kind] = p
	return p.URL
}

// Around returns what runs a package's tests and then stops the emulators.
func (s *Set) Around(m *testing.M) *Runner { return &Runner{set: s, tests: m} }

// Runner is for TestMain.
type Runner struct {
	set   *Set
	tests *testing.M
}

// Run runs the tests and returns their exit code.
func (r *Runner) Run() int {
	defer r.set.stop()
	return r.tests.Run()
}

func (s *Set) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.running {
		_ = p.Stop()
	}
	s.running = nil
}

// Start starts an emulator for one test, which ends with it.
func Start(t testing.TB, kind emulator.Kind) string {
	t.Helper()
	p, err := emulator.Start(t.Context(), kind)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
	})
	return p.URL
}

// Config is a configuration of the SDK for an emulator, with the product's settings of HTTP. Its connections are closed
// when the test ends.
func Config(t testing.TB, endpoint string) aws.Config {
	t.Helper()
	client := awsclient.HTTP()
	t.Cleanup(client.CloseIdleConnections)
	return aws.Config{
		Region:       emulator.Region,
		BaseEndpoint: aws.String(endpoint),
		Credentials:  credentials.NewStaticCredentialsProvider(emulator.AccessKey, emulator.SecretKey, ""),
		HTTPClient:   client,
	}
}
