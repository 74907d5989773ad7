package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/demo/balancer"
	"github.com/runs-fleet/runs-fleet/internal/emulator"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// replicas are several servers that share a table in DynamoDB, a queue in SQS and a bucket in S3, all emulated, behind a
// balancer, with a host for their runners.
type replicas struct {
	balancer *balancer.Balancer
	aws      *emulator.Process
	s3       *emulator.Process
	host     *program
	servers  []*server

	broken chan struct{} // closed once a program has ended that should not have
	once   sync.Once
	which  *program // valid once broken is closed
	ending chan struct{}
}

const (
	replicaCount = 3
	sharedName   = "runs-fleet"     // of the table, the queue and the bucket
	stopWithin   = 30 * time.Second // a server's end
	idlePoll     = 200 * time.Millisecond
	deployWithin = 2 * time.Minute
)

// startReplicas starts everything, in the order in which each needs the other.
func startReplicas(ctx context.Context, o Options, g *gitHub, folder string, say func(string, ...any)) (_ *replicas, err error) {
	binary, err := findServer(o)
	if err != nil {
		return nil, err
	}
	r := &replicas{broken: make(chan struct{}), ending: make(chan struct{})}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.stop(context.WithoutCancel(ctx), closedChannel()))
		}
	}()
	say("Starting emulators of DynamoDB, SQS and S3, a host for runners, and %d servers ...", replicaCount)
	if r.aws, err = emulator.Start(ctx, emulator.MiniStack); err != nil {
		return r, fmt.Errorf("starting the emulator of AWS (make emulators fetches it): %w", err)
	}
	if r.s3, err = emulator.Start(ctx, emulator.VersityGW); err != nil {
		return r, fmt.Errorf("starting the emulator of S3 (make emulators fetches it): %w", err)
	}
	env := append(serverEnv(o, g, folder), "AWS_ENDPOINT_URL="+r.aws.URL, "AWS_ENDPOINT_URL_S3="+r.s3.URL, "AWS_REGION="+emulator.Region,
		"AWS_ACCESS_KEY_ID="+emulator.AccessKey, "AWS_SECRET_ACCESS_KEY="+emulator.SecretKey)
	shared := []string{"--store", "dynamodb://" + sharedName, "--queue", "sqs://" + sharedName, "--blob", "s3://" + sharedName + "/logs"}
	if err = deploy(ctx, binary, append([]string{"deploy", "dev"}, shared...), env); err != nil {
		return r, err
	}
	if r.balancer, err = balancer.Start(ctx); err != nil {
		return r, err
	}
	token := filepath.Join(folder, "host-token")
	const tokenBytes = 16
	if err = os.WriteFile(token, []byte(seam.Crypto{}.Token(tokenBytes)), 0o600); err != nil {
		return r, fmt.Errorf("writing the host's token: %w", err)
	}
	address, err := r.startHost(ctx, o, binary, folder, token)
	if err != nil {
		return r, err
	}
	shared = append(shared, "--host-url", "http://"+address, "--host-token-file", token)
	for i := range replicaCount {
		if err = r.startReplica(ctx, o, g, i+1, binary, folder, shared, env); err != nil {
			return r, err
		}
	}
	return r, nil
}

// deploy makes the table, the queues and the bucket.
func deploy(ctx context.Context, binary string, args, env []string) error {
	ctx, cancel := context.WithTimeout(ctx, deployWithin)
	defer cancel()
	var output bytes.Buffer
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = env, &output, &output
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("making the table, the queues and the bucket: %w\n%s", err, output.Bytes())
	}
	return nil
}

func (r *replicas) startHost(ctx context.Context, o Options, binary, folder, token string) (address string, err error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("finding a port for the host: %w", err)
	}
	address = listener.Addr().String()
	if err := listener.Close(); err != nil {
		return "", fmt.Errorf("finding a port for the host: %w", err)
	}
	args := append([]string{
		"host", "--data", filepath.Join(folder, "host"), "--host-listen", address, "--host-token-file", token,
		"--control-plane", r.balancer.URL, "--max-runners", fmt.Sprint(o.MaxRunners),
	}, hostArgs(o, folder)...)
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + folder}
	if o.BootDelay > 0 {
		env = append(env, "RUNS_FLEET_BOOT_DELAY="+o.BootDelay.String())
	}
	if r.host, err = startProgram("the host", binary, args, env, filepath.Join(folder, "host.log")); err != nil {
		return "", err
	}
	r.watch(r.host)
	return address, r.awaitHost(ctx, address)
}

// awaitHost waits until the host takes connections.
func (r *replicas) awaitHost(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	tick := time.NewTicker(readyPoll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("the host was not ready: %w; its log is %s", context.Cause(ctx), r.host.log)
		case <-r.host.exited:
			return r.host.unexpected()
		case <-tick.C:
			if c, err := (&net.Dialer{}).DialContext(ctx, "tcp", address); err == nil {
				return c.Close() //nolint:wrapcheck // a connection that was only tried
			}
		}
	}
}

func (r *replicas) startReplica(ctx context.Context, o Options, g *gitHub, n int, binary, folder string, shared, env []string) error {
	s := &server{folder: filepath.Join(folder, fmt.Sprintf("data-%d", n))}
	args := append(serveArgs(o, g, s.folder), shared...)
	var err error
	s.program, err = startProgram(fmt.Sprintf("server %d", n), binary, args, env, filepath.Join(folder, fmt.Sprintf("server-%d.log", n)))
	if err != nil {
		return err
	}
	r.servers = append(r.servers, s)
	r.watch(s.program)
	if err := s.awaitReady(ctx); err != nil {
		return err
	}
	return r.balancer.Add(s.url)
}

// watch tells when a program ends that should not.
func (r *replicas) watch(p *program) {
	go func() {
		<-p.exited
		select {
		case <-r.ending:
		default:
			r.once.Do(func() {
				r.which = p
				close(r.broken)
			})
		}
	}()
}

func (r *replicas) address() string { return r.balancer.URL }

func (r *replicas) describe() []string {
	lines := []string{
		fmt.Sprintf("DynamoDB and SQS  %s  emulated", r.aws.URL),
		fmt.Sprintf("S3                %s  emulated", r.s3.URL),
		fmt.Sprintf("runs-fleet host   process %d", r.host.cmd.Process.Pid),
	}
	for _, s := range r.servers {
		lines = append(lines, s.describe()...)
	}
	return append(lines, fmt.Sprintf("balancer          %s  before the %d servers", r.balancer.URL, len(r.servers)))
}

func (r *replicas) data() string { return r.servers[0].folder }

func (r *replicas) ended() <-chan struct{} { return r.broken }

func (r *replicas) unexpected() error { return r.which.unexpected() }

// stop ends all servers but one, lets that one drain the fleet, and ends the rest.
func (r *replicas) stop(ctx context.Context, hurry <-chan struct{}) error {
	close(r.ending)
	var errs []error
	for i, s := range slices.Backward(r.servers) {
		if i == 0 && !s.over() {
			errs = append(errs, drain(ctx, s.folder, hurry))
		}
		if !s.over() {
			errs = append(errs, s.end(syscall.SIGTERM, stopWithin, nil))
		}
	}
	if r.host != nil && !r.host.over() {
		errs = append(errs, r.host.end(syscall.SIGTERM, stopWithin, nil))
	}
	if r.balancer != nil {
		r.balancer.Close()
	}
	for _, e := range []*emulator.Process{r.aws, r.s3} {
		if e != nil {
			errs = append(errs, e.Stop())
		}
	}
	return errors.Join(errs...)
}

// drain lets running jobs end and waits until no machine is left, or until the reader has no patience left.
func drain(ctx context.Context, data string, hurry <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(ctx, drainWithin)
	defer cancel()
	c, err := clientOf(data)
	if err != nil {
		return err
	}
	tick := time.NewTicker(idlePoll)
	defer tick.Stop()
	for {
		state, err := c.Drain(ctx)
		if err != nil {
			return fmt.Errorf("draining: %w", err)
		}
		if state.Live == 0 {
			return nil
		}
		select {
		case <-hurry:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("draining, %d runners left: %w", state.Live, ctx.Err())
		case <-tick.C:
		}
	}
}

func closedChannel() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}
