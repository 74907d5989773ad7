package githubsim_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/githubsim"
	"github.com/runs-fleet/runs-fleet/internal/githubsim/simclient"
)

// live is a simulator with the machine's clock, behind a real listener, with webhooks over HTTP.
func live(t *testing.T, change func(*githubsim.Options)) (*githubsim.Simulator, *simclient.Client, *http.Client, string, *inbox) {
	t.Helper()
	box := &inbox{arrived: make(chan string, 100)}
	receiver := httptest.NewServer(box)
	t.Cleanup(receiver.Close)
	options := githubsim.Options{
		ControlToken: controlToken, Webhook: githubsim.Webhook{URL: receiver.URL, Secret: hookSecret},
		PersonalTokens: []githubsim.PersonalToken{{Token: personToken, Login: "octocat"}},
		Repositories: []githubsim.RepositorySpec{{
			Owner: "acme", Name: "shop", Files: map[string]string{".github/workflows/ci.yml": oneJob},
			Environments: []githubsim.EnvironmentSpec{{Name: "production", Protected: true}},
		}},
	}
	if change != nil {
		change(&options)
	}
	sim, err := githubsim.New(options)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim.Handler())
	sim.SetBaseURL(server.URL)
	t.Cleanup(func() {
		sim.Close()
		server.Close()
	})
	return sim, simclient.New(server.URL, controlToken, server.Client()), server.Client(), server.URL, box
}

type inbox struct {
	arrived chan string
	mu      sync.Mutex
	agents  []string
}

func (b *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	content, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	b.mu.Lock()
	b.agents = append(b.agents, r.Header.Get("User-Agent"))
	b.mu.Unlock()
	action := ""
	if _, rest, ok := strings.Cut(string(content), `"action":"`); ok {
		action, _, _ = strings.Cut(rest, `"`)
	}
	w.WriteHeader(http.StatusAccepted)
	b.arrived <- strings.TrimSpace(r.Header.Get("X-Github-Event") + " " + action)
}

// await reads events until this one.
func (b *inbox) await(t *testing.T, event string) {
	t.Helper()
	for {
		select {
		case got := <-b.arrived:
			if got == event {
				return
			}
		case <-t.Context().Done():
			t.Fatalf("%s never arrived", event)
		}
	}
}

func get(ctx context.Context, t *testing.T, client *http.Client, method, url, token, body string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := client.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err.Error()
	}
	return response.StatusCode, string(content)
}

// mint registers a runner over HTTP and opens its session.
func mint(t *testing.T, client *http.Client, base string) *runner {
	t.Helper()
	status, body := get(t.Context(), t, client, "POST", base+runnersPath+"/generate-jitconfig", personToken,
		`{"name":"live","runner_group_id":1,"labels":["self-hosted","cpu=2"]}`)
	if status != http.StatusCreated {
		t.Fatalf("generate-jitconfig = %d: %s", status, body)
	}
	w := &world{t: t}
	r := &runner{w: w}
	var jit struct {
		Encoded string `json:"encoded_jit_config"`
	}
	decodeJSON(t, body, &jit)
	files := map[string]string{}
	w.decode(jit.Encoded, &files)
	var settings struct{ AgentID int64 }
	w.decode(files[".runner"], &settings)
	var credentials struct{ Data struct{ Token string } }
	w.decode(files[".credentials"], &credentials)
	r.id, r.secret = settings.AgentID, credentials.Data.Token
	var session struct{ Session string }
	status, body = get(t.Context(), t, client, "POST", base+"/_runner/session", r.secret, `{"agentId":`+itoa(r.id)+`}`)
	if status != http.StatusOK {
		t.Fatalf("session = %d: %s", status, body)
	}
	decodeJSON(t, body, &session)
	r.session = session.Session
	return r
}

func TestALongPollAnswersWhenAJobComes(t *testing.T) {
	_, control, client, base, box := live(t, nil)
	r := mint(t, client, base)
	polled := make(chan string, 1)
	go func() {
		_, body := get(t.Context(), t, client, "GET", base+"/_runner/message?wait=50&session="+r.session, r.secret, "")
		polled <- body
	}()
	run, err := control.Dispatch(t.Context(), simclient.Dispatch{Repository: "acme/shop", Path: ".github/workflows/ci.yml"})
	if err != nil {
		t.Fatal(err)
	}
	box.await(t, "workflow_job queued")
	jobs, err := control.Jobs(t.Context(), run.ID)
	if err != nil || len(jobs) != 1 {
		t.Fatalf("jobs = %v, %v", jobs, err)
	}
	job := itoa(jobs[0].ID)
	equal(t, "message", `{"job":`+job+`}`, <-polled)
	status, body := get(t.Context(), t, client, "POST", base+"/_runner/jobs/"+job+"/acquire", r.secret, `{"session":"`+r.session+`"}`)
	equal(t, "acquire "+body, http.StatusOK, status)
	box.await(t, "workflow_job in_progress")
	status, _ = get(t.Context(), t, client, "POST", base+"/_runner/jobs/"+job+"/complete", r.secret, `{"conclusion":"success","log":"all well\n"}`)
	equal(t, "complete", http.StatusNoContent, status)
	box.await(t, "workflow_run completed")
	log, err := control.Log(t.Context(), jobs[0].ID)
	equal(t, "log", "all well\n", log)
	if err != nil {
		t.Error(err)
	}
	registrations, err := control.Registrations(t.Context())
	if err != nil || len(registrations) != 0 {
		t.Errorf("registrations = %v, %v", registrations, err)
	}
	box.mu.Lock()
	defer box.mu.Unlock()
	if !strings.HasPrefix(box.agents[0], "GitHub-Hookshot/") {
		t.Errorf("User-Agent = %q", box.agents[0])
	}
}

func TestALongPollEndsWithTheRegistration(t *testing.T) {
	_, _, client, base, _ := live(t, nil)
	r := mint(t, client, base)
	polled := make(chan int, 1)
	go func() {
		status, _ := get(t.Context(), t, client, "GET", base+"/_runner/message?wait=50&session="+r.session, r.secret, "")
		polled <- status
	}()
	if status, body := get(t.Context(), t, client, "DELETE", base+runnersPath+"/"+itoa(r.id), personToken, ""); status != http.StatusNoContent {
		t.Fatalf("delete = %d: %s", status, body)
	}
	equal(t, "message", http.StatusUnauthorized, <-polled)
}

func TestCloseEndsLongPolls(t *testing.T) {
	sim, _, client, base, _ := live(t, nil)
	r := mint(t, client, base)
	polled := make(chan int, 1)
	go func() {
		status, _ := get(t.Context(), t, client, "GET", base+"/_runner/message?wait=50&session="+r.session, r.secret, "")
		polled <- status
	}()
	sim.Close()
	equal(t, "message", http.StatusNoContent, <-polled)
}

func TestATimeoutAfterSuccessKeepsTheEffect(t *testing.T) {
	sim, _, client, base, _ := live(t, func(o *githubsim.Options) {
		o.Faults.TimeoutAfterSuccess = map[string]float64{"generate-jitconfig": 1}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	status, message := get(ctx, t, client, "POST", base+runnersPath+"/generate-jitconfig", personToken, `{"name":"a","runner_group_id":1,"labels":["x"]}`)
	equal(t, "no answer: "+message, 0, status)
	equal(t, "registrations", 1, len(sim.Registrations()))
}

func TestCloseEndsAnswersThatHang(t *testing.T) {
	sim, _, client, base, _ := live(t, func(o *githubsim.Options) { o.Faults.TimeoutAfterSuccess = map[string]float64{"repository": 1} })
	asked := make(chan int, 1)
	go func() {
		status, _ := get(t.Context(), t, client, "GET", base+"/repos/acme/shop", personToken, "")
		asked <- status
	}()
	sim.Close()
	equal(t, "no answer", 0, <-asked)
}

func TestControlEndpoints(t *testing.T) {
	sim, control, client, base, box := live(t, nil)
	ctx := t.Context()
	if status, _ := get(ctx, t, client, "GET", base+"/_sim/runs", "guess", ""); status != http.StatusNotFound {
		t.Errorf("without the token = %d", status)
	}
	if err := control.AddRepository(ctx, githubsim.RepositorySpec{Owner: "acme", Name: "second"}); err != nil {
		t.Fatal(err)
	}
	sha, err := control.Commit(ctx, simclient.File{
		Repository: "acme/shop", Path: ".github/workflows/ci.yml", Content: workflow("  deploy:\n    runs-on: x\n    environment: production\n" + steps),
	})
	if err != nil || len(sha) != 40 {
		t.Fatalf("commit = %q, %v", sha, err)
	}
	run, err := control.Dispatch(ctx, simclient.Dispatch{Repository: "acme/shop", Path: ".github/workflows/ci.yml"})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "waits for", []string{"production"}, run.WaitsFor)
	if err := control.Review(ctx, simclient.Review{Run: run.ID}); err != nil {
		t.Fatal(err)
	}
	if err := control.AddForeign(ctx, simclient.Foreign{Scope: "acme/shop", Name: "stranger", Labels: []string{"x"}}); err != nil {
		t.Fatal(err)
	}
	jobs, err := control.Jobs(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := control.Steal(ctx, simclient.Steal{Job: jobs[0].ID, Runner: "stranger"}); err != nil {
		t.Fatal(err)
	}
	box.await(t, "workflow_run completed")
	if err := control.Rerun(ctx, run.ID, false); err != nil {
		t.Fatal(err)
	}
	if err := control.Cancel(ctx, run.ID); err != nil {
		t.Fatal(err)
	}
	box.await(t, "workflow_run completed")
	runs, err := control.Runs(ctx)
	if err != nil || len(runs) != 1 || runs[0].Conclusion != "cancelled" || runs[0].Attempt != 2 {
		t.Errorf("runs = %+v, %v", runs, err)
	}
	if err := control.SetFaults(ctx, githubsim.Faults{WebhookLost: 0.5, BusyLag: githubsim.Duration(time.Second)}); err != nil {
		t.Fatal(err)
	}
	faults, err := control.Faults(ctx)
	equal(t, "faults", sim.Faults(), faults)
	if err != nil {
		t.Error(err)
	}
	if status, body := get(ctx, t, client, "PUT", base+"/_sim/faults", controlToken, `{"webhook_lots":1}`); status != http.StatusUnprocessableEntity {
		t.Errorf("a misspelt fault = %d %s", status, body)
	}
	if err := control.SetFaults(ctx, githubsim.Faults{}); err != nil {
		t.Fatal(err)
	}
	if err := control.Ping(ctx); err != nil {
		t.Fatal(err)
	}
	box.await(t, "ping")
	deliveries, err := control.Deliveries(ctx)
	if err != nil || len(deliveries) == 0 {
		t.Errorf("deliveries = %d, %v", len(deliveries), err)
	}
	reports, err := control.Reports(ctx)
	if err != nil || len(reports) != 0 {
		t.Errorf("reports = %v, %v", reports, err)
	}
	if _, err := control.Dispatch(ctx, simclient.Dispatch{Repository: "acme/none", Path: "x"}); err == nil || !strings.Contains(err.Error(), "acme/none") {
		t.Errorf("an unknown repository = %v", err)
	}
}

func TestAWebhookThatNobodyTakesIsAFailedDelivery(t *testing.T) {
	sender := githubsim.NewHTTPSender()
	defer sender.Close()
	refused := sender.Send(t.Context(), githubsim.HookRequest{URL: "http://127.0.0.1:1/"})
	equal(t, "refused", "failed to connect to host", refused.Status)
	stuck := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // else the server does not notice that the caller has gone
		<-r.Context().Done()
	}))
	defer stuck.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	equal(t, "stuck", "timed out", sender.Send(ctx, githubsim.HookRequest{URL: stuck.URL}).Status)
}
