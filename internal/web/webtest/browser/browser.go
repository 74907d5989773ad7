// Package browser drives a real Chromium for tests of what people see. There is no way around it: without a browser a test
// fails, and says how to get one.
package browser

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

const (
	startWithin  = 60 * time.Second // the browser, on a busy machine
	actionWithin = 30 * time.Second // whatever a test waits for
)

// Browser is a running Chromium with a profile of its own.
type Browser struct{ ctx context.Context }

// Start runs a Chromium for a test and ends it with the test.
func Start(t testing.TB) *Browser {
	t.Helper()
	options := append([]chromedp.ExecAllocatorOption{}, chromedp.DefaultExecAllocatorOptions[:]...)
	options = append(options,
		chromedp.ExecPath(find(t)), chromedp.UserDataDir(t.TempDir()), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("no-first-run", true), chromedp.Flag("no-proxy-server", true),
		chromedp.Flag("hide-scrollbars", true), chromedp.Flag("force-color-profile", "srgb"),
		chromedp.WSURLReadTimeout(startWithin),
		chromedp.Env("TZ=UTC", "LANG=C.UTF-8"),
	)
	allocated, endAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocated)
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			t.Logf("ending the browser: %v", err)
		}
		cancel()
		endAllocator()
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("starting the browser: %v", err)
	}
	return &Browser{ctx}
}

// find returns the browser's program.
func find(t testing.TB) string {
	t.Helper()
	if given := os.Getenv("CHROMIUM"); given != "" {
		return given
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("this test looks at pages with a browser, and this machine has no Chromium: on Debian or Ubuntu, apt-get install chromium; " +
		"or name one in the environment variable CHROMIUM")
	return ""
}

// Tab is one page of a browser.
type Tab struct {
	t   testing.TB
	ctx context.Context

	mu       sync.Mutex
	problems []string
	expected []string
}

// Tab opens a page of so many CSS pixels. The test fails if a page of it throws, breaks its own policy, or misses a file.
func (b *Browser) Tab(t testing.TB, width, height int64) *Tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx)
	tab := &Tab{t: t, ctx: ctx}
	if err := chromedp.Listen(ctx, tab.listen); err != nil {
		t.Fatalf("opening a page: %v", err)
	}
	t.Cleanup(func() {
		cancel()
		for _, p := range tab.Problems() {
			t.Errorf("the browser complains: %s", p)
		}
	})
	if _, err := chromedp.Call(ctx, log.Enable, cdp.Empty{}); err != nil {
		t.Fatalf("listening to the browser's complaints: %v", err)
	}
	tab.Do(chromedp.EmulateViewport(width, height))
	return tab
}

// listen notes complaints.
func (tab *Tab) listen(event any) {
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		tab.note("exception: " + e.ExceptionDetails.Text + " " + e.ExceptionDetails.URL)
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError {
			tab.note(e.Entry.Text + " " + e.Entry.URL)
		}
	}
}

func (tab *Tab) note(problem string) {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	for _, e := range tab.expected {
		if strings.Contains(problem, e) {
			return
		}
	}
	tab.problems = append(tab.problems, problem)
}

// Expect says that a complaint with this text is meant to come.
func (tab *Tab) Expect(text string) {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	tab.expected = append(tab.expected, text)
}

// Problems are what the browser complained of.
func (tab *Tab) Problems() []string {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	return append([]string{}, tab.problems...)
}

// Do carries actions out, or ends the test.
func (tab *Tab) Do(actions ...chromedp.Action[chromedp.Void]) {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, actionWithin)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		tab.t.Fatalf("%v\nThe page is: %s", err, tab.text())
	}
}

// text is what the page shows, for messages.
func (tab *Tab) text() string {
	ctx, cancel := context.WithTimeout(tab.ctx, actionWithin)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string]("location.href + '\\n' + document.body.innerText"))
	if err != nil {
		return err.Error()
	}
	return text
}

// Open goes to an address and waits until the page is there.
func (tab *Tab) Open(address string) {
	tab.t.Helper()
	tab.Do(chromedp.Navigate(address), chromedp.WaitReady("#main"))
}

// Click clicks what a selector finds first, once it can be seen.
func (tab *Tab) Click(selector string) {
	tab.t.Helper()
	tab.Do(chromedp.WaitVisible(selector), chromedp.Click(selector))
}

// Follow clicks a link and waits for the page that it leads to.
func (tab *Tab) Follow(selector string) {
	tab.t.Helper()
	tab.Do(chromedp.WaitVisible(selector))
	ctx, cancel := context.WithTimeout(tab.ctx, actionWithin)
	defer cancel()
	if _, err := chromedp.RunResponse(ctx, chromedp.Click(selector)); err != nil {
		tab.t.Fatalf("following %s: %v\nThe page is: %s", selector, err, tab.text())
	}
	tab.Do(chromedp.WaitReady("#main"))
}

// lookEvery is how often a page is asked whether it is as a test wants it.
const lookEvery = 50 * time.Millisecond

// Until waits until the page makes an expression true. It is asked from outside, since the page's policy forbids to make
// functions of texts.
func (tab *Tab) Until(what, expression string) {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, actionWithin)
	defer cancel()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+expression+")"))
		if ok {
			return
		}
		select {
		case <-tick.C: // an error may be that of a page which is being left
		case <-ctx.Done():
			tab.t.Fatalf("waiting until %s: %v\nThe page is: %s", what, err, tab.text())
		}
	}
}

// Shows waits until the page shows a text.
func (tab *Tab) Shows(text string) {
	tab.t.Helper()
	tab.Until("it shows "+text, "document.body.innerText.includes("+quote(text)+")")
}

// Lacks waits until the page shows a text no longer.
func (tab *Tab) Lacks(text string) {
	tab.t.Helper()
	tab.Until("it no longer shows "+text, "!document.body.innerText.includes("+quote(text)+")")
}

// Eval returns an expression's value as text.
func (tab *Tab) Eval(expression string) string {
	tab.t.Helper()
	return get(tab, chromedp.Evaluate[string]("String("+expression+")"))
}

func get[T any](tab *Tab, action chromedp.Action[T]) T {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, actionWithin)
	defer cancel()
	v, err := chromedp.Run(ctx, action)
	if err != nil {
		tab.t.Fatalf("%v\nThe page is: %s", err, tab.text())
	}
	return v
}

// Dark says which colour scheme the system is to have.
func (tab *Tab) Dark(dark bool) {
	tab.t.Helper()
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	_, err := chromedp.Call(tab.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	if err != nil {
		tab.t.Fatalf("setting the colour scheme: %v", err)
	}
}

// Screenshot returns the whole page as PNG.
func (tab *Tab) Screenshot() []byte {
	tab.t.Helper()
	const lossless = 100
	return get(tab, chromedp.FullScreenshot(lossless))
}

// Picture writes a picture of the page to the folder that the environment variable SCREENSHOTS names, for people to look at.
func (tab *Tab) Picture(name string) {
	tab.t.Helper()
	if dir := os.Getenv("SCREENSHOTS"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, name+".png"), tab.Screenshot(), 0o600); err != nil {
			tab.t.Fatal(err)
		}
	}
}

func quote(s string) string {
	return "`" + strings.NewReplacer("\\", "\\\\", "`", "\\`", "$", "\\$").Replace(s) + "`"
}

// ForgetCookies logs the browser out without telling the server.
func (tab *Tab) ForgetCookies() {
	tab.t.Helper()
	if _, err := chromedp.Call(tab.ctx, network.ClearBrowserCookies, cdp.Empty{}); err != nil {
		tab.t.Fatalf("forgetting cookies: %v", err)
	}
}
