package local_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/runs-fleet/runs-fleet/internal/provider"
	"github.com/runs-fleet/runs-fleet/internal/provider/local"
)

// serverVariable makes this binary a server that launches one machine and then only waits for its end.
const serverVariable = "LOCAL_TEST_SERVER"

func serverMain() int {
	fields := strings.Fields(os.Getenv(serverVariable))
	dir, url, runner := fields[0], fields[1], fields[2]
	p, err := local.New(context.Background(), local.Options{
		Dir: dir, AgentPath: os.Getenv(agentVariable), ServerURL: url, Slots: 3,
		RunnerDir: func(context.Context) (string, error) { return runner, nil },
	})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	a, err := p.Launch(context.Background(), provider.Request{LaunchID: "launch-1", Site: site, Count: 1})
	if err != nil || len(a.Instances) != 1 {
		fmt.Println(a, err)
		return 1
	}
	fmt.Println(a.Instances[0].ID)
	select {}
}

// TestAServerThatIsKilledLeavesItsAgentsToTheNext kills a real server with SIGKILL before its agent was welcome.
func TestAServerThatIsKilledLeavesItsAgentsToTheNext(t *testing.T) { // RestartSafe
	t.Parallel()
	r := newRig(t, nil)
	if err := r.provider.Close(); err != nil {
		t.Fatal(err)
	}
	adopted := r.provider
	r.mu.Lock()
	r.provider = nil // nobody answers the hello
	r.mu.Unlock()
	runner, err := r.options.RunnerDir(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	server := exec.CommandContext(t.Context(), self)
	server.Env = append(os.Environ(), serverVariable+"="+r.options.Dir+" "+r.options.ServerURL+" "+runner)
	output, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "l-") {
		r.provider = adopted
		t.Fatalf("the server said %q, %v", line, err)
	}
	if err := server.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = server.Wait() // killed, as it says
	r.open(t)
	id := strings.TrimSpace(line)
	if said := r.run(t, id, "echo hello"); said != "hello\n" {
		t.Errorf("the adopted machine's job said %q", said)
	}
}
