package dashboard_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/runs-fleet/runs-fleet/internal/web/webtest"
	"github.com/runs-fleet/runs-fleet/internal/web/webtest/browser"
)

// logIn opens the one-time address, which leads to the overview.
func logIn(t testing.TB, w *webtest.World, tab *browser.Tab) {
	t.Helper()
	tab.Open(w.LoginURL(t))
	tab.Until("it has gone on to the overview", "location.pathname === '/' && document.querySelector('.tiles')")
}

// TestPagesFitEveryScreen looks at each page as phones and wide screens have it, in both themes, empty and full. Pictures of
// them are written to the folder that SCREENSHOTS names.
func TestPagesFitEveryScreen(t *testing.T) {
	b := browser.Start(t)
	empty, full := webtest.New(t), webtest.New(t)
	full.Scene(t)
	large := webtest.New(t) // more of everything than a page shows
	if err := webtest.Fill(t.Context(), large.Records, webtest.Backlog{Ended: 200, Running: 60, Queued: 1100, Waiting: 20}, large.Clock.Now()); err != nil {
		t.Fatal(err)
	}
	pages := map[string]string{
		"overview": "/", "jobs": "/jobs", "runners": "/runners", "ended": "/runners?ended=true", "messages": "/queue", "lost": "/no/such/page",
	}
	ofFull := map[string]string{
		"job-waiting": "/jobs/github.com/39201480004", "job-refused": "/jobs/github.com/39201480005", "job-held": "/jobs/github.com/39201480006",
		"job-running": "/jobs/github.com/39201480001", "job-ended": "/jobs/github.com/39201480011", "job-nolog": "/jobs/github.com/39201480012",
		"machine-failed": "/machines/default/eu-west-1/i-0c40", "machine-working": "/machines/default/eu-west-1/i-0c41", "machine-gone": "/machines/default/eu-west-1/i-0b17",
		"jobs-none": "/jobs?q=nothing+like+this",
	}
	for _, width := range []int64{360, 1280} {
		tab := b.Tab(t, width, 800)
		tab.Expect("404 (Not Found)")
		tab.Expect("502 (Bad Gateway)") // the job whose log GitHub does not give
		tab.Expect("401 (Unauthorized)")
		for kind, w := range map[string]*webtest.World{"empty": empty, "full": full, "large": large} {
			shown := map[string]string{"login": "/"}
			look := func() {
				for name, path := range shown {
					tab.Open(w.HTTP.URL + path)
					for _, dark := range []bool{false, true} {
						tab.Dark(dark)
						fits(t, tab, fmt.Sprintf("%s-%s-%d-%v", kind, name, width, dark), width)
					}
				}
			}
			tab.ForgetCookies()
			look()
			logIn(t, w, tab)
			shown = pages
			look()
			if kind == "full" {
				shown = ofFull
				look()
			}
		}
	}
}

func fits(t *testing.T, tab *browser.Tab, name string, width int64) {
	t.Helper()
	tab.Until("nothing is loading", "!document.querySelector('.loading')")
	if got := tab.Eval("document.documentElement.scrollWidth"); got != fmt.Sprint(width) {
		t.Errorf("%s is %s wide", name, got)
	}
	tab.Picture(strings.NewReplacer("-true", "-dark", "-false", "-light").Replace(name))
}
