package endtoend_test

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/blob/s3"
	"github.com/runs-fleet/runs-fleet/internal/demo/balancer"
	"github.com/runs-fleet/runs-fleet/internal/emulator"
	"github.com/runs-fleet/runs-fleet/internal/emulator/awstest"
	"github.com/runs-fleet/runs-fleet/internal/endtoend/harness"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// several are servers that share a table, a queue and a bucket, in emulators of their own processes, behind a balancer. Their runners
// are on a host, whose data directory is the system's.
type several struct {
	aws      *emulator.Process
	s3       *emulator.Process
	balancer *balancer.Balancer
	env      []string
	shared   []string // flags of every server
	address  string   // of the host
	host     *harness.Process
	replicas []*replica
	turn     int
}

type replica struct {
	*harness.Process

	data    string
	address string
}

func prepareSeveral(s *system, n int) *several {
	s.t.Helper()
	ctx := s.t.Context()
	v := &several{}
	var err error
	for kind, to := range map[emulator.Kind]**emulator.Process{emulator.MiniStack: &v.aws, emulator.VersityGW: &v.s3} {
		p, err := emulator.Start(ctx, kind)
		if err != nil {
			s.t.Fatal(err)
		}
		*to = p
		s.t.Cleanup(func() {
			if err := p.Stop(); err != nil {
				s.t.Error(err)
			}
		})
	}
	if v.balancer, err = balancer.Start(ctx); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(v.balancer.Close)
	v.env = append(os.Environ(), "AWS_ENDPOINT_URL="+v.aws.URL, "AWS_ENDPOINT_URL_S3="+v.s3.URL, "AWS_REGION="+emulator.Region,
		"AWS_ACCESS_KEY_ID="+emulator.AccessKey, "AWS_SECRET_ACCESS_KEY="+emulator.SecretKey)
	shared := []string{"--store", "dynamodb://fleet", "--queue", "sqs://fleet", "--blob", "s3://fleet/logs"}
	deploy := exec.Command(s.bin.server, append([]string{"deploy", "dev"}, shared...)...)
	deploy.Env = v.env
	if out, err := deploy.CombinedOutput(); err != nil {
		s.t.Fatalf("deploy: %v\n%s", err, out)
	}
	token := filepath.Join(s.dir, "host-token")
	if err := os.WriteFile(token, []byte(strings.Repeat("0123456789abcdef", 2)), 0o600); err != nil {
		s.t.Fatal(err)
	}
	v.address = freeAddress(s.t)
	v.shared = slices.Concat(shared, []string{"--host-url", "http://" + v.address, "--host-token-file", token})
	for i := range n {
		v.replicas = append(v.replicas, &replica{data: filepath.Join(s.dir, "replica-"+strconv.Itoa(i+1)), address: freeAddress(s.t)})
	}
	return v
}

// start starts the host and every server that does not run.
func (v *several) start(s *system) {
	s.t.Helper()
	if v.host == nil {
		v.startHost(s)
	}
	for _, r := range v.replicas {
		if r.Process == nil || r.Over() {
			v.startReplica(s, r)
		}
	}
}

func (v *several) startHost(s *system) {
	s.t.Helper()
	token := v.shared[len(v.shared)-1]
	cmd := exec.Command(s.bin.server, "host", "--data", s.data(), "--host-listen", v.address, "--host-token-file", token,
		"--control-plane", v.balancer.URL, "--runner-dir", filepath.Join(s.dir, "runner"), "--agent", s.bin.agent,
		"--max-runners", strconv.Itoa(max(1, s.options.maxRunners)), "--boot-delay", s.options.bootDelay.String())
	cmd.Env, cmd.Stdout, cmd.Stderr = os.Environ(), s.log, s.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	v.host = harness.Launch(s.t, cmd)
	s.await(30*time.Second, "the host is ready", func() bool {
		if v.host.Over() {
			s.t.Fatalf("the host ended: %v\n%s", v.host.Wait(), s.serverLog())
		}
		c, err := (&net.Dialer{}).DialContext(s.t.Context(), "tcp", v.address)
		return err == nil && c.Close() == nil
	})
}

func (v *several) startReplica(s *system, r *replica) {
	s.t.Helper()
	cmd := exec.Command(s.bin.server, append([]string{
		"serve", "--data", r.data, "--github-url", s.github.Web.URL + "/api/v3", "--repository", repository, "--listen", r.address,
	}, v.shared...)...)
	cmd.Env = append(slices.Clone(v.env), "RUNS_FLEET_GITHUB_TOKEN="+token, "RUNS_FLEET_WEBHOOK_SECRET="+webhookSecret)
	cmd.Stdout, cmd.Stderr = s.log, s.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	first := r.Process == nil
	r.Process = harness.Launch(s.t, cmd)
	s.await(60*time.Second, "the server at "+r.address+" is ready", func() bool {
		if r.Over() {
			s.t.Fatalf("the server at %s ended: %v\n%s", r.address, r.Wait(), tail(s.serverLog(), 20_000))
		}
		return r.file().PID == cmd.Process.Pid
	})
	if first {
		if err := v.balancer.Add("http://" + r.address); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (r *replica) file() serverFile {
	var f serverFile
	b, err := os.ReadFile(filepath.Join(r.data, "server.json"))
	if err == nil {
		_ = json.Unmarshal(b, &f) // half a file is no file
	}
	return f
}

// killOne ends one server after the other as a power cut would.
func (v *several) killOne() {
	r := v.replicas[v.turn%len(v.replicas)]
	v.turn++
	_ = r.Cmd.Process.Kill()
	_ = r.Wait()
}

// roll replaces every server, as a rolling update does: it is told to stop, and the next one begins.
func (v *several) roll(s *system) {
	s.t.Helper()
	for _, r := range v.replicas {
		_ = r.Cmd.Process.Signal(syscall.SIGTERM)
		s.await(30*time.Second, "the server at "+r.address+" has stopped", r.Over)
		if err := r.Wait(); err != nil {
			s.t.Errorf("the end of the server at %s: %v", r.address, err)
		}
		v.startReplica(s, r)
	}
}

// stop ends the servers gently, and then the host; agents go on.
func (v *several) stop(s *system) {
	for _, r := range v.replicas {
		if r.Process == nil || r.Over() {
			continue
		}
		_ = r.Cmd.Process.Signal(syscall.SIGTERM)
		_ = r.Wait()
	}
	if v.host != nil && !v.host.Over() {
		_ = v.host.Cmd.Process.Signal(syscall.SIGTERM)
		if err := v.host.Wait(); err != nil {
			s.t.Errorf("the end of the host: %v", err)
		}
	}
}

// objects lists what is in the bucket.
func (s *system) objects() string {
	s.t.Helper()
	bucket, err := s3.New(awstest.Config(s.t, s.several.s3.URL), s3.Options{Bucket: "fleet", Clock: seam.System{}, Random: seam.Crypto{}})
	if err != nil {
		s.t.Fatal(err)
	}
	page, err := bucket.List(s.t.Context(), "", "", 0)
	if err != nil {
		s.t.Fatal(err)
	}
	var out strings.Builder
	for _, o := range page.Objects {
		out.WriteString(o.Key + "\n")
	}
	return out.String()
}
