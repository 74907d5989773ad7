package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// What the deliveries of all benchmarks have in common.
const (
	webhookSecret = "a secret of the benchmarks"
	bodyBytes     = 10 << 10 // what workflow_job deliveries usually have
	owner         = "acme"
	host          = "github.com"
	firstJob      = 41_000_000_000 // ids have eleven digits, so that all bodies are equally long
)

// deliveries makes signed workflow_job deliveries of 10 KB, in the form of GitHub's: what differs from one job to the next
// is in the front, and the rest is one text that all share, so that thousands of them can be made before a measurement.
type deliveries struct {
	label  func(run int64) string // the runs-on label
	suffix []byte
}

// ours asks for machines of this fleet, with the run's id in the label as the guide recommends; foreign jobs are another
// system's.
func ours(run int64) string { return fmt.Sprintf("runs-fleet=%d/cpu=2", run) }

func foreign(int64) string { return "ubuntu-latest-16-cores-x64" }

func newDeliveries(label func(run int64) string) *deliveries {
	d := &deliveries{label: label, suffix: []byte(repositoryPart(""))}
	d.suffix = []byte(repositoryPart(strings.Repeat("x", bodyBytes-len(d.prefix(firstJob, time.Unix(0, 0)))-len(d.suffix))))
	return d
}

// delivery is one webhook delivery without what all share.
type delivery struct {
	job       int64
	prefix    []byte
	signature string
	guid      string
}

func (d *deliveries) make(job int64, at time.Time) delivery {
	prefix := d.prefix(job, at)
	mac := hmac.New(sha256.New, []byte(webhookSecret))
	mac.Write(prefix)
	mac.Write(d.suffix)
	return delivery{
		job: job, prefix: prefix, signature: "sha256=" + hex.EncodeToString(mac.Sum(nil)),
		guid: fmt.Sprintf("b0c5e5d0-6a5e-11f1-8de9-%012d", job),
	}
}

// body is the whole delivery.
func (d *deliveries) body(one delivery) []byte {
	return append(append(make([]byte, 0, bodyBytes), one.prefix...), d.suffix...)
}

func (d *deliveries) prefix(job int64, at time.Time) []byte {
	const api = "https://api.github.com/repos/acme/shop"
	stamp := at.UTC().Format(time.RFC3339)
	return fmt.Appendf(nil, `{"action":"queued","workflow_job":{"id":%d,"run_id":%d,"workflow_name":"continuous integration",`+
		`"head_branch":"feature/checkout","run_url":"%s/actions/runs/%d","run_attempt":1,"node_id":"CR_kwDOBenchmarks8AAAAC",`+
		`"head_sha":"ec26c3e57ca3a959ca5aad62de7213c562f8c821","url":"%s/actions/jobs/%d",`+
		`"html_url":"https://github.com/acme/shop/actions/runs/%d/job/%d","status":"queued","conclusion":null,`+
		`"created_at":"%s","started_at":"%s","completed_at":null,"name":"test (linux, 1.26)","steps":[],`+
		`"check_run_url":"%s/check-runs/%d","labels":["%s"],"runner_id":null,"runner_name":null,"runner_group_id":null,"runner_group_name":null}`,
		job, job, api, job, api, job, job, job, stamp, stamp, api, job, d.label(job))
}

// repositoryPart is the end of a delivery: repository, organisation, sender and installation, with filler where a real one
// has an organisation's custom properties.
func repositoryPart(filler string) string {
	var b strings.Builder
	b.WriteString(`,"repository":{"id":7,"node_id":"R_kgDOBenchmark","name":"shop","full_name":"acme/shop","private":true,"owner":`)
	account(&b, "acme", "Organization")
	b.WriteString(`,"html_url":"https://github.com/acme/shop","description":"What customers see, and what they pay with","fork":false`)
	for _, name := range []string{
		"forks", "keys{/key_id}", "collaborators{/collaborator}", "teams", "hooks", "issues/events{/number}", "events", "assignees{/user}",
		"branches{/branch}", "tags", "git/blobs{/sha}", "git/tags{/sha}", "git/refs{/sha}", "git/trees{/sha}", "statuses/{sha}", "languages",
		"stargazers", "contributors", "subscribers", "subscription", "commits{/sha}", "git/commits{/sha}", "comments{/number}",
		"issues/comments{/number}", "contents/{+path}", "compare/{base}...{head}", "merges", "{archive_format}{/ref}", "downloads",
		"issues{/number}", "pulls{/number}", "milestones{/number}", "notifications{?since,all,participating}", "labels{/name}",
		"releases{/id}", "deployments",
	} {
		fmt.Fprintf(&b, `,"%s_url":"https://api.github.com/repos/acme/shop/%s"`, strings.Map(letters, name), name)
	}
	b.WriteString(`,"created_at":"2021-03-04T05:06:07Z","updated_at":"2026-11-20T10:11:12Z","pushed_at":"2026-11-24T20:21:22Z","homepage":null,` +
		`"size":48211,"stargazers_count":12,"watchers_count":12,"language":"Go","has_issues":true,"has_projects":true,"has_downloads":true,` +
		`"has_wiki":false,"has_pages":false,"forks_count":3,"archived":false,"disabled":false,"open_issues_count":41,"license":null,` +
		`"allow_forking":false,"is_template":false,"topics":["shop","checkout"],"visibility":"private","default_branch":"main",` +
		`"custom_properties":{"team":"payments","tier":"1","notes":"` + filler + `"}},"organization":{"login":"acme","id":11,` +
		`"url":"https://api.github.com/orgs/acme","repos_url":"https://api.github.com/orgs/acme/repos","description":null},"sender":`)
	account(&b, "mona", "User")
	b.WriteString(`,"installation":{"id":5005,"node_id":"MDIzOkludGVncmF0aW9u"}}`)
	return b.String()
}

func account(b *strings.Builder, login, kind string) {
	fmt.Fprintf(b, `{"login":"%s","id":11,"node_id":"MDEyOk9yZ2FuaXphdGlvbjEx","avatar_url":"https://avatars.githubusercontent.com/u/11?v=4",`+
		`"gravatar_id":"","url":"https://api.github.com/users/%s","html_url":"https://github.com/%s"`, login, login, login)
	for _, name := range []string{
		"followers", "following{/other_user}", "gists{/gist_id}", "starred{/owner}{/repo}", "subscriptions", "orgs", "repos", "events{/privacy}",
		"received_events",
	} {
		fmt.Fprintf(b, `,"%s_url":"https://api.github.com/users/%s/%s"`, strings.Map(letters, name), login, name)
	}
	fmt.Fprintf(b, `,"type":"%s","site_admin":false}`, kind)
}

// letters makes a field's name of an address.
func letters(r rune) rune {
	switch {
	case r >= 'a' && r <= 'z', r == '_':
		return r
	case r == '/':
		return '_'
	default:
		return -1
	}
}
