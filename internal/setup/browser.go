package setup

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/settings"
)

// Sizes of the secrets that keep others on this machine out of the flow, in bytes.
const (
	keyBytes   = 16
	stateBytes = 16
)

// browser is the one-shot server on the loopback interface that a browser begins at and comes back to.
type browser struct {
	start    string // the address to open
	redirect string // where GitHub leads the browser back to
	state    string
	create   string // GitHub's page
	manifest string
	codes    chan string
	server   *http.Server
}

// openBrowser begins to listen. The address to open has a secret in it, so that only who is told of it can go there.
func (r *run) openBrowser(ctx context.Context, web string) (*browser, error) {
	if host, _, err := net.SplitHostPort(r.Listen); err != nil || !settings.Loopback(host) {
		return nil, &settings.Error{Where: "--listen", What: fmt.Sprintf("%q is no address of this machine alone: write 127.0.0.1:PORT", r.Listen)}
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", r.Listen)
	if err != nil {
		return nil, fmt.Errorf("listening for the browser: %w; choose another address with --listen", err)
	}
	base := "http://" + listener.Addr().String()
	key := r.Random.Token(keyBytes)
	b := &browser{
		start: base + "/" + key, redirect: base + "/created", state: r.Random.Token(stateBytes), codes: make(chan string, 1),
	}
	b.create = createPage(web, r.Organization, b.state)
	const suffixBytes = 4
	if b.manifest, err = newManifest(r.Random.Token(suffixBytes), b.redirect, r.ExternalURL).text(); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /"+key, b.begin)
	mux.HandleFunc("GET /created", b.created)
	b.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = b.server.Serve(listener) }() // close ends it
	return b, nil
}

// close lets the answer that is on its way arrive.
func (b *browser) close(ctx context.Context) {
	const grace = 2 * time.Second
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace) //nolint:forbidigo // a browser is waited for on the clock of the machine
	defer cancel()
	if b.server.Shutdown(ctx) != nil {
		_ = b.server.Close()
	}
}

// form is the page that takes the manifest to GitHub. It needs no script.
func form() *template.Template {
	return template.Must(template.New("form").Parse(page + `<h1>Create the fleet's GitHub App</h1>
<p>GitHub shows what the App may do and asks for a name. You can change it there; it has to be unique among all Apps.</p>
<form method="post" action="{{.Action}}"><input type="hidden" name="manifest" value="{{.Manifest}}">
<button autofocus>Continue to GitHub</button></form></main></html>
`))
}

const page = `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>runs-fleet</title><style>:root{color-scheme:light dark}body{font:1rem/1.5 system-ui,sans-serif;margin:3rem auto;max-width:34rem;padding:0 1rem}
button{font:inherit;padding:.5rem 1rem}</style><main>
`

// formPage is the page as a file, for a browser on a machine that cannot come here.
func (b *browser) formPage() (string, error) {
	var out strings.Builder
	if err := form().Execute(&out, map[string]string{"Action": b.create, "Manifest": b.manifest}); err != nil {
		return "", fmt.Errorf("writing the page for the browser: %w", err)
	}
	return out.String(), nil
}

func (b *browser) begin(w http.ResponseWriter, _ *http.Request) {
	text, err := b.formPage()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	show(w, http.StatusOK, text)
}

// created takes the code that GitHub sends with the browser. A state that is not ours is somebody else's App.
func (b *browser) created(w http.ResponseWriter, r *http.Request) {
	code, err := b.code(r.URL.Query())
	if err != nil {
		show(w, http.StatusBadRequest, page+"<h1>This is not the answer that was asked for</h1><p>"+template.HTMLEscapeString(err.Error())+"</p></main></html>\n")
		return
	}
	select {
	case b.codes <- code:
	default: // the page was loaded again
	}
	show(w, http.StatusOK, page+"<h1>The App is created</h1><p>Go back to the terminal: it says what comes next.</p></main></html>\n")
}

func show(w http.ResponseWriter, status int, text string) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text)) // a browser that has gone needs no page
}

func (b *browser) code(q url.Values) (string, error) {
	switch {
	case q.Get("state") != b.state:
		return "", errors.New("it belongs to another set-up: begin again at the address that the terminal shows")
	case !plausible(q.Get("code")):
		return "", errors.New("it has no code: begin again at the address that the terminal shows")
	}
	return q.Get("code"), nil
}

// pasted reads what a person pasted: the address that GitHub led to, or the code alone.
func (b *browser) pasted(line string) (string, error) {
	line = strings.TrimSpace(line)
	if u, err := url.Parse(line); err == nil && u.RawQuery != "" {
		return b.code(u.Query())
	}
	if !plausible(line) {
		return "", errors.New("this is neither the address that the browser shows, nor the code in it: paste the whole address")
	}
	return line, nil
}

// plausible says whether text can be a code, which goes into a path.
func plausible(text string) bool {
	const shortest, longest = 8, 200
	if len(text) < shortest || len(text) > longest {
		return false
	}
	return strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == ""
}
