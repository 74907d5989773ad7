package dashboard

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"html/template"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// The bounds of streams.
const (
	maxStreams  = 200
	streamFor   = 15 * time.Minute       // then the browser comes again, and its login is looked at again
	lookEvery   = 500 * time.Millisecond // whether this process has written something
	renderAtMax = 5 * time.Second        // whether another process has
	writeWithin = 10 * time.Second
	comeBackIn  = 2 * time.Second // what browsers wait after a lost connection
)

func wantsStream(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.Contains(r.Header.Get("Accept"), "text/event-stream")
}

// stream sends the living part of a page whenever it has changed. When the part cannot be made, it says so beside what is
// shown already, and tries again: one failure must not take the page away.
func (d *Dashboard) stream(w http.ResponseWriter, r *http.Request, t *template.Template, build maker) {
	select {
	case d.streams <- struct{}{}:
		defer func() { <-d.streams }()
	default:
		w.Header().Set("Retry-After", "5")
		http.Error(w, "too many pages are open; this one goes on without news", http.StatusServiceUnavailable)
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer d.endWithServer(cancel)()
	// The deadline of a connection is the machine's time, whatever clock the pages show.
	s := &eventStream{w: w, control: http.NewResponseController(w), clock: seam.System{}, last: seen(r)}
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	w.Header().Set("X-Accel-Buffering", "no") // proxies must not hold events back
	if !s.begin() {
		return
	}
	r = r.WithContext(ctx)
	began := d.Clock.Now()
	for s.err == nil && ctx.Err() == nil && d.Clock.Now().Sub(began) < streamFor {
		before := d.Queries.Changes()
		d.sendNews(s, r, t, build)
		if s.err != nil || d.awaitChange(ctx, before) != nil {
			return
		}
	}
}

// seenParameter says in the address of a stream what the page shows already.
const seenParameter = "seen"

// seen is the digest of what a browser shows: of the last event that it got, else of the page. It spares a page that has just
// been loaded from being replaced by its like.
func seen(r *http.Request) string {
	if last := r.Header.Get("Last-Event-Id"); last != "" {
		return last
	}
	return r.URL.Query().Get(seenParameter)
}

// endWithServer ends a stream when the server stops.
func (d *Dashboard) endWithServer(cancel context.CancelFunc) (stop func()) {
	if d.Ending == nil {
		return func() {}
	}
	over := make(chan struct{})
	go func() {
		select {
		case <-d.Ending:
			cancel()
		case <-over:
		}
	}()
	return func() { close(over) }
}

// awaitChange returns when something was written, and after a while in any case.
func (d *Dashboard) awaitChange(ctx context.Context, before uint64) error {
	for waited := time.Duration(0); waited < renderAtMax; waited += lookEvery {
		if err := d.Pause(ctx, lookEvery); err != nil {
			return err
		}
		if d.Queries.Changes() != before {
			return nil
		}
	}
	return nil
}

func (d *Dashboard) sendNews(s *eventStream, r *http.Request, t *template.Template, build maker) {
	c, err := build(r)
	var b bytes.Buffer
	if err == nil {
		err = t.ExecuteTemplate(&b, "live", d.frame(r, c))
	}
	switch {
	case r.Context().Err() != nil:
	case err != nil:
		if !s.troubled {
			d.Logger.ErrorContext(r.Context(), "renewing a page", "page", r.URL.Path, "error", err)
		}
		s.troubled = true
		s.send("trouble", "The server cannot read its records at the moment; its log says why. This is what it showed last.")
	default:
		if s.troubled {
			s.troubled = false
			s.send("trouble", "")
		}
		s.sendChanged("live", b.String())
	}
}

// eventStream writes server-sent events (HTML Living Standard, section 9.2).
type eventStream struct {
	w        http.ResponseWriter
	control  *http.ResponseController
	clock    seam.Clock
	last     string // digest of what the browser shows
	troubled bool
	err      error
}

// passing matches what changes by the mere passing of time, which the browser counts by itself.
var passing = regexp.MustCompile(`(data-since="[^"]*"[^>]*>)[^<]*|data-now="[^"]*"`)

// digest is the same for what looks the same.
func digest(live string) string {
	const enough = 12 // bytes
	sum := sha256.Sum256([]byte(passing.ReplaceAllString(live, "$1")))
	return hex.EncodeToString(sum[:enough])
}

func (s *eventStream) sendChanged(name, data string) {
	now := digest(data)
	if now == s.last {
		s.write(": nothing new\n\n") // finds out whether the browser is still there
		return
	}
	s.last = now
	s.write("id: " + now + "\n")
	s.send(name, data)
}

func (s *eventStream) begin() bool {
	s.write(fmt.Sprintf("retry: %d\n\n", comeBackIn.Milliseconds()))
	return s.err == nil
}

func (s *eventStream) send(name, data string) {
	var b strings.Builder
	b.WriteString("event: " + name + "\n")
	for line := range strings.Lines(strings.ReplaceAll(data, "\r", "")) {
		b.WriteString("data: " + strings.TrimSuffix(line, "\n") + "\n")
	}
	if data == "" {
		b.WriteString("data:\n")
	}
	b.WriteString("\n")
	s.write(b.String())
}

func (s *eventStream) write(text string) {
	if s.err != nil {
		return
	}
	// A connection that cannot have deadlines (a test's recorder) is written to without.
	_ = s.control.SetWriteDeadline(s.clock.Now().Add(writeWithin))
	if _, s.err = s.w.Write([]byte(text)); s.err == nil {
		s.err = s.control.Flush()
	}
}
