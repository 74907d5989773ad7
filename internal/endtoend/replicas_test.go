package endtoend_test

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestServersKilledDuringABurst(t *testing.T) {
	// RestartSafe with three replicas on DynamoDB and SQS: every job runs once, nothing is left over
	s := start(t, options{replicas: 3, maxRunners: 6})
	run := s.workflow("burst.yml", burst)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 6 {
		until := time.Now().Add(time.Duration(300+random.IntN(2500)) * time.Millisecond)
		s.await(time.Minute, "it is time", func() bool { return time.Now().After(until) })
		s.kill()
		s.startServer()
	}
	s.await(4*time.Minute, "all jobs are done", func() bool { return s.done(run) })
	s.ranOnce(50)
	s.await(3*time.Minute, "nothing is left", s.nothingLeft)
}

func TestRollingUpdateDuringABurst(t *testing.T) {
	// every server is replaced, one after the other, while jobs come and run
	s := start(t, options{replicas: 3, maxRunners: 6})
	run := s.workflow("burst.yml", burst)
	s.several.roll(s)
	s.await(4*time.Minute, "all jobs are done", func() bool { return s.done(run) })
	s.ranOnce(50)
	s.await(2*time.Minute, "nothing is left", s.nothingLeft)
}

func TestAgentsKilledBehindSeveralServers(t *testing.T) {
	// the job runs elsewhere, whichever server held the agent's poll
	s := start(t, options{replicas: 3, bootDelay: 2 * time.Second})
	run := s.workflow("hello.yml", oneJob)
	s.await(30*time.Second, "an agent runs", func() bool { return len(s.agents()) == 1 })
	s.killAgents()
	s.await(90*time.Second, "the job is done", func() bool { return s.done(run) })
	if j := s.jobs(run)[0]; j.Conclusion != "success" {
		t.Errorf("the job ended with %s", j.Conclusion)
	}
	s.await(time.Minute, "nothing is left", s.nothingLeft)
}
