package faultrun

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/runs-fleet/runs-fleet/internal/awsclient"
	"github.com/runs-fleet/runs-fleet/internal/demo/balancer"
	"github.com/runs-fleet/runs-fleet/internal/emulator"
	"github.com/runs-fleet/runs-fleet/internal/emulator/awsfault"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/githubsim"
	"github.com/runs-fleet/runs-fleet/internal/provider/host"
	"github.com/runs-fleet/runs-fleet/internal/record"
	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/store/dynamodb"
)

// world is everything that runs.
type world struct {
	o      Options
	clock  seam.Clock
	client *http.Client

	github   *gitHub
	aws, s3  *emulator.Process
	proxy    *awsfault.Proxy
	objects  *awsfault.Proxy // before S3
	env      []string        // of the servers
	balancer *balancer.Balancer
	host     *process
	cloud    *cloud
	machines *http.Server
	servers  []*server
	records  *record.Records // read without faults
	judge    *judge

	closing []func() error // in the order of their making
}

const (
	replicaCount = 3
	sharedName   = "fleet" // of the table, the queue and the bucket
	startWithin  = time.Minute
	startLook    = 50 * time.Millisecond
	realSlots    = 8 // of the host
)

func (w *world) onClose(f func() error) { w.closing = append(w.closing, f) }

func (w *world) close() error {
	var errs []error
	for _, f := range slices.Backward(w.closing) {
		errs = append(errs, f())
	}
	return errors.Join(errs...)
}

// build starts everything, in the order in which each needs the other.
func build(ctx, life context.Context, o Options) (_ *world, err error) {
	w := &world{o: o, clock: seam.System{}, client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	if w.github, err = startGitHub(ctx, o.Folder); err != nil {
		return w, err
	}
	w.onClose(func() error { w.github.close(); return nil })
	w.judge = newJudge(w.clock, func() []simJob { return w.github.Jobs(0) })
	if err = w.startAWS(ctx); err != nil {
		return w, err
	}
	if w.balancer, err = balancer.Start(ctx); err != nil {
		return w, err
	}
	w.onClose(func() error { w.balancer.Close(); return nil })
	shared, err := w.startMachines(ctx, life)
	if err != nil {
		return w, err
	}
	w.onClose(w.stopServers)
	for n := range replicaCount {
		s, err := w.newServer(ctx, n+1, shared)
		if err != nil {
			return w, err
		}
		w.servers = append(w.servers, s)
		if err := w.startServer(ctx, s); err != nil {
			return w, err
		}
		if err := w.balancer.Add("http://" + s.address); err != nil {
			return w, err
		}
	}
	w.github.SetWebhook(githubsim.Webhook{URL: w.balancer.URL + "/webhook", Secret: w.github.secret})
	return w, nil
}

// backends are the flags that name what servers share.
func (w *world) backends() []string {
	flags := []string{"--store", "dynamodb://" + sharedName, "--queue", "sqs://" + sharedName}
	if w.o.Blob {
		flags = append(flags, "--blob", "s3://"+sharedName+"-logs/run")
	}
	return flags
}

// startAWS starts the emulators, makes the table, the queues and the bucket, and puts the proxies before them.
func (w *world) startAWS(ctx context.Context) (err error) {
	if w.aws, err = emulator.Start(ctx, emulator.MiniStack); err != nil {
		return err
	}
	w.onClose(w.aws.Stop)
	if w.s3, err = emulator.Start(ctx, emulator.VersityGW); err != nil {
		return err
	}
	w.onClose(w.s3.Stop)
	base := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + w.o.Folder, "AWS_REGION=" + emulator.Region, "AWS_ACCESS_KEY_ID=" + emulator.AccessKey,
		"AWS_SECRET_ACCESS_KEY=" + emulator.SecretKey,
	}
	deploy := exec.CommandContext(ctx, filepath.Join(w.o.Programs, "runs-fleet"), append([]string{"deploy", "dev"}, w.backends()...)...)
	var out bytes.Buffer
	deploy.Env, deploy.Stdout, deploy.Stderr = append(slices.Clone(base), "AWS_ENDPOINT_URL="+w.aws.URL, "AWS_ENDPOINT_URL_S3="+w.s3.URL), &out, &out
	if err := deploy.Run(); err != nil {
		return fmt.Errorf("making the table, the queues and the bucket: %w: %s", err, out.Bytes())
	}
	if w.proxy, err = awsfault.StartProxy(ctx, w.aws.URL, nil, w.o.Seed); err != nil {
		return err
	}
	w.onClose(func() error { w.proxy.Close(); return nil })
	if w.objects, err = awsfault.StartProxy(ctx, w.s3.URL, nil, w.o.Seed+1); err != nil {
		return err
	}
	w.onClose(func() error { w.objects.Close(); return nil })
	w.env = slices.Concat(base, w.github.env, []string{"AWS_ENDPOINT_URL=" + w.proxy.URL, "AWS_ENDPOINT_URL_S3=" + w.objects.URL})
	client := awsclient.HTTP()
	table, err := dynamodb.New(aws.Config{
		Region: emulator.Region, BaseEndpoint: aws.String(w.aws.URL), HTTPClient: client,
		Credentials: credentials.NewStaticCredentialsProvider(emulator.AccessKey, emulator.SecretKey, ""),
	}, dynamodb.Options{Table: sharedName, Clock: w.clock, Random: seam.Crypto{}})
	if err != nil {
		return fmt.Errorf("opening the table: %w", err)
	}
	w.onClose(func() error { client.CloseIdleConnections(); return table.Close() })
	w.records = record.New(table)
	return nil
}

// startMachines starts a host for real machines and serves the cloud that uses it; it returns the servers' flags.
func (w *world) startMachines(ctx, life context.Context) ([]string, error) {
	const tokenBytes, private = 16, 0o600
	secret := seam.Crypto{}.Token(tokenBytes)
	file := filepath.Join(w.o.Folder, "host-token")
	if err := os.WriteFile(file, []byte(secret), private); err != nil {
		return nil, fmt.Errorf("writing the host's token: %w", err)
	}
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	runner := filepath.Join(w.o.Folder, "runner")
	if err := installRunner(runner, filepath.Join(w.o.Programs, "runs-fleet-demo")); err != nil {
		return nil, err
	}
	w.host, err = start(filepath.Join(w.o.Folder, "host.log"), filepath.Join(w.o.Programs, "runs-fleet"), []string{
		"host", "--data", filepath.Join(w.o.Folder, "host"), "--host-listen", address, "--host-token-file", file, "--control-plane", w.balancer.URL,
		"--runner-dir", runner, "--agent", filepath.Join(w.o.Programs, "runs-fleet-agent"), "--max-runners", fmt.Sprint(realSlots),
	}, []string{"PATH=" + os.Getenv("PATH"), "HOME=" + w.o.Folder})
	if err != nil {
		return nil, err
	}
	w.onClose(w.host.stop)
	transport := &http.Transport{}
	atHost, err := host.NewClient("http://"+address, secret, w.clock, transport)
	if err != nil {
		return nil, fmt.Errorf("reaching the host: %w", err)
	}
	w.onClose(func() error { transport.CloseIdleConnections(); return nil })
	if err := w.await(ctx, "the host", w.host, func() bool { _, err := atHost.About(ctx); return err == nil }); err != nil {
		return nil, err
	}
	w.cloud = newCloud(life, w.clock, w.o.Seed, w.o.Real, w.judge)
	w.cloud.host, w.cloud.servers, w.cloud.hostData = atHost, w.balancer.URL, filepath.Join(w.o.Folder, "host")
	about := host.About{Isolation: "none", Slots: w.o.MaxRunners, OS: fleet.Linux, Arch: fleet.AMD64, Version: "fault run"}
	handler, err := host.NewHandler(w.cloud, about, secret, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, fmt.Errorf("serving machines: %w", err)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("opening a port for the cloud: %w", err)
	}
	w.machines = &http.Server{Handler: handler, ReadHeaderTimeout: headerTimeout}
	go func() { _ = w.machines.Serve(listener) }()
	w.onClose(w.machines.Close)
	return slices.Concat(w.backends(), []string{"--host-url", "http://" + listener.Addr().String(), "--host-token-file", file}), nil
}

// installRunner puts the simulated GitHub's runner, which is the program demo, where the official one would be.
func installRunner(dir, demo string) error {
	const readable = 0o755
	bin := filepath.Join(dir, "bin")
	if err := os.MkdirAll(bin, readable); err != nil {
		return fmt.Errorf("installing the runner: %w", err)
	}
	for _, name := range []string{"Runner.Listener", "Runner.Worker"} {
		if err := place(demo, filepath.Join(bin, name)); err != nil {
			return fmt.Errorf("installing the runner: %w", err)
		}
	}
	return nil
}

// place links a program, or copies it to another file system.
func place(from, to string) error {
	if os.Link(from, to) == nil {
		return nil
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	const executable = 0o755
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, executable)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// startServer begins a life of a server and waits until it takes requests.
func (w *world) startServer(ctx context.Context, s *server) error {
	if err := s.start(w.clock.Now()); err != nil {
		return err
	}
	s.mu.Lock()
	p := s.process
	s.mu.Unlock()
	return w.await(ctx, s.name, p, func() bool { return s.ready(ctx, w.client) })
}

func (w *world) await(ctx context.Context, what string, p *process, so func() bool) error {
	for end := w.clock.Now().Add(startWithin); !so(); {
		if p.over() {
			return fmt.Errorf("%s ended while it started: %w; its log is in %s", what, p.err, w.o.Folder)
		}
		if w.clock.Now().After(end) {
			return fmt.Errorf("%s was not ready within %s; its log is in %s", what, startWithin, w.o.Folder) //nolint:err113 // shown
		}
		if err := w.clock.Sleep(ctx, startLook); err != nil {
			return fmt.Errorf("waiting for %s: %w", what, err)
		}
	}
	return nil
}

func (w *world) stopServers() error {
	var errs []error
	for _, s := range w.servers {
		if p := s.take(); p != nil {
			errs = append(errs, p.stop())
		}
	}
	return errors.Join(errs...)
}

// broken says whether a program has ended that should not have.
func (w *world) broken() error {
	var errs []error
	for _, s := range w.servers {
		errs = append(errs, s.ended())
	}
	if w.host.over() {
		errs = append(errs, fmt.Errorf("the host ended by itself: %w; its log is in %s", w.host.err, w.o.Folder))
	}
	return errors.Join(errs...)
}

// counts are the calls of AWS and their faults.
func (w *world) counts() awsfault.Counts {
	return w.proxy.Faults.Counts().Plus(w.objects.Faults.Counts())
}

// fault sets the faults of AWS and GitHub; none end them.
func (w *world) fault(rates awsfault.Rates, faults githubsim.Faults) {
	w.proxy.Faults.Set(rates)
	w.objects.Faults.Set(rates)
	w.github.SetFaults(faults)
}
