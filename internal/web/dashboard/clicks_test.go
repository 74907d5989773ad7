package dashboard_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/web/webtest"
	"github.com/runs-fleet/runs-fleet/internal/web/webtest/browser"
)

// TestWhatPeopleDo clicks through the pages as people do, in one browser.
func TestWhatPeopleDo(t *testing.T) { // failure modes K1, K5
	b := browser.Start(t)
	for name, do := range map[string]func(*testing.T, *webtest.World, *browser.Tab){
		"follow every link":                 followEveryLink,
		"watch a job from queue to log":     watchAJob,
		"search, choose and go back":        search,
		"page through a long list":          pageThrough,
		"ask again for a log":               askAgain,
		"see why a machine failed":          seeAFailure,
		"read the logs of a machine":        readAMachinesLogs,
		"choose a theme":                    chooseTheme,
		"drain the fleet":                   drain,
		"try messages anew":                 tryAnew,
		"log out":                           logOut,
		"use the keyboard":                  useKeyboard,
		"see through a blip":                seeThroughABlip,
		"stay when the connection is lost":  loseConnection,
		"come back to a server that failed": comeBack,
		"look away and back":                lookAway,
	} {
		t.Run(name, func(t *testing.T) {
			w := webtest.New(t)
			tab := b.Tab(t, 1280, 900)
			tab.ForgetCookies()
			tab.Expect("favicon")
			logIn(t, w, tab)
			do(t, w, tab)
		})
	}
}

// followEveryLink opens whatever pages name, each once, and looks for the page's headline.
func followEveryLink(t *testing.T, w *webtest.World, tab *browser.Tab) {
	w.Scene(t)
	tab.Expect("502 (Bad Gateway)") // the logs of jobs that GitHub keeps none of
	seen, todo := map[string]bool{"/": true}, []string{"/"}
	for len(todo) > 0 {
		path := todo[0]
		todo = todo[1:]
		tab.Open(w.HTTP.URL + path)
		if strings.HasPrefix(path, "/api/") {
			continue
		}
		tab.Until("it has a headline and its log", "document.querySelector('h1') && !document.querySelector('.loading')")
		if text := tab.Eval("document.querySelector('h1').textContent"); strings.Contains(text, "nothing here") {
			t.Errorf("%s leads nowhere", path)
		}
		for link := range strings.FieldsSeq(tab.Eval(`[...document.querySelectorAll("a[href^='/']")].map(a => a.getAttribute("href").split("#")[0]).filter(h => !h.startsWith("/api/")).join(" ")`)) {
			if !seen[link] {
				seen[link] = true
				todo = append(todo, link)
			}
		}
	}
	const atLeast = 40 // jobs and machines of the scene
	if len(seen) < atLeast {
		t.Errorf("only %d pages were found: %v", len(seen), seen)
	}
}

// tryAnew finds the messages that could not be applied, and has them tried.
func tryAnew(t *testing.T, w *webtest.World, tab *browser.Tab) {
	w.Scene(t)
	tab.Follow("header a[href='/queue']")
	tab.Shows("index out of range")
	tab.Follow("#redrive")
	tab.Shows("every message was applied")
	if text := tab.Eval("location.pathname"); text != "/queue" {
		t.Errorf("it ends at %s", text)
	}
}

// watchAJob leaves a page open while a job goes its way.
func watchAJob(t *testing.T, w *webtest.World, tab *browser.Tab) {
	tab.Shows("No job waits.")
	m := webtest.Machine("m1", fleet.MachineWorking)
	m.Diagnostics = "Listening for Jobs"
	w.PutJobs(t, webtest.Job(7, nil))
	tab.Shows("4 of 4 runners are in use")
	tab.Follow("#j-github\\.com-7")
	tab.Shows("It waits for room: 4 of 4 runners are in use.")
	tab.Shows("There is none before the job has started.")
	w.PutMachines(t, m)
	w.ReplaceJob(t, webtest.Job(7, webtest.Running(m)))
	tab.Shows("Listening for Jobs")
	tab.Shows("rf-m1")
	tab.Lacks("It waits for room")
	w.SetLog(7, "2026-03-14T12:00:00.0000000Z ##[error]the tests do not pass")
	w.ReplaceJob(t, webtest.Job(7, func(j *fleet.Job) { webtest.Running(m)(j); webtest.Ended("failure")(j) }))
	tab.Shows("Error: the tests do not pass")
	tab.Shows("failure")
}

func search(t *testing.T, w *webtest.World, tab *browser.Tab) {
	w.Scene(t)
	tab.Expect("502 (Bad Gateway)") // a job whose log GitHub does not keep
	tab.Follow("nav a[href='/jobs']")
	tab.Shows("docs")
	tab.Do(chromedp.SendKeys("#q", "arm64"))
	tab.Until("the list is narrowed and the address says so", "location.search === '?q=arm64' && document.querySelectorAll('tbody tr').length === 1")
	tab.Eval("(document.querySelector('#q').value = '', document.querySelector('#q').dispatchEvent(new Event('input', {bubbles: true})), '')")
	tab.Until("the list is whole", "location.search === '' && document.querySelectorAll('tbody tr').length > 20")
	tab.Click(".choices label:nth-of-type(2)")
	tab.Until("queued jobs are chosen", "location.search === '?state=queued' && document.querySelectorAll('tbody tr').length === 3")
	w.PutJobs(t, webtest.Job(9, func(j *fleet.Job) { j.Name = "came later" }))
	tab.Shows("came later") // the narrowed list lives as well
	w.PutJobs(t, webtest.Job(10, func(j *fleet.Job) { webtest.Ended("success")(j); j.Name = "not queued" }))
	w.PutJobs(t, webtest.Job(11, func(j *fleet.Job) { j.Name = "the last" }))
	tab.Shows("the last")
	tab.Lacks("not queued")
	tab.Open(w.HTTP.URL + "/jobs?q=no+such+job")
	tab.Shows("No job matches.")
	tab.Open(w.HTTP.URL + "/jobs?q=39201480012")
	tab.Shows("Job 39201480012")
	tab.Follow(".exact .name")
	tab.Follow(".crumbs a:nth-of-type(2)")
	tab.Until("the jobs of one repository are listed", "document.querySelectorAll('tbody tr').length > 5 && location.search.startsWith('?repository=')")
	tab.Click(".chip")
	tab.Until("all repositories are listed", "location.search === ''")
	tab.Do(chromedp.NavigateBack())
	tab.Until("the former list is back", "location.search.startsWith('?repository=')")
}

func pageThrough(t *testing.T, w *webtest.World, tab *browser.Tab) {
	for i := range 120 {
		w.PutJobs(t, webtest.Job(int64(i+1), webtest.Ended("success")))
		w.PutMachines(t, webtest.Machine(strings.Repeat("m", i+1), fleet.MachineGone))
	}
	for _, list := range []string{"/jobs", "/runners?ended=true"} {
		tab.Open(w.HTTP.URL + list)
		for range 2 {
			tab.Until("there are 50 rows", "document.querySelectorAll('tbody tr').length === 50")
			tab.Follow("#next-page")
		}
		tab.Until("there are 20 rows", "document.querySelectorAll('tbody tr').length === 20 && !document.querySelector('#next-page')")
		tab.Follow("#first-page")
		tab.Until("there are 50 rows", "document.querySelectorAll('tbody tr').length === 50")
	}
}

func askAgain(t *testing.T, w *webtest.World, tab *browser.Tab) {
	tab.Expect("502 (Bad Gateway)")
	w.PutJobs(t, webtest.Job(1, webtest.Ended("success")))
	tab.Open(w.HTTP.URL + "/jobs/github.com/1")
	tab.Shows("GitHub did not give the log.")
	w.SetLog(1, "here it is")
	tab.Click("#log button")
	tab.Shows("here it is")
	tab.Lacks("did not give")
}

func seeAFailure(t *testing.T, w *webtest.World, tab *browser.Tab) {
	w.Scene(t)
	tab.Open(w.HTTP.URL + "/jobs/github.com/39201480004")
	tab.Shows("No machine could be launched for it since")
	tab.Shows("failed while this job waited")
	tab.Follow(".failures a[href$='#console']")
	tab.Shows("It has not reported within its time.")
	tab.Shows("no space left on device")
}

// The logs of a machine are there when its row is no longer kept.
func readAMachinesLogs(t *testing.T, w *webtest.World, tab *browser.Tab) {
	w.PutJobs(t, webtest.Job(1, func(j *fleet.Job) {
		webtest.Ended("failure")(j)
		j.Machine = "default/eu-west-1/i-gone"
	}))
	w.SetLog(1, "the job's own log")
	w.SetMachineLog("i-gone", fleet.LogRunner, "[INFO Worker] the worker was lost")
	w.SetConsole("i-gone", "spot interruption")
	tab.Open(w.HTTP.URL + "/jobs/github.com/1")
	tab.Shows("the job's own log")
	tab.Lacks("the worker was lost")
	tab.Click("#runner-part summary")
	tab.Shows("the worker was lost")
	tab.Click("#console-part summary")
	tab.Shows("spot interruption")
}

func chooseTheme(_ *testing.T, w *webtest.World, tab *browser.Tab) {
	tab.Open(w.HTTP.URL + "/jobs?state=queued")
	tab.Dark(false)
	background := "getComputedStyle(document.body).backgroundColor"
	light := tab.Eval(background)
	tab.Follow(".themes [value=dark]")
	tab.Until("it is dark, and the page the same", background+" !== '"+light+"' && location.search === '?state=queued'")
	tab.Dark(true)
	tab.Follow(".themes [value=light]")
	tab.Until("it is light", background+" === '"+light+"'")
	tab.Follow(".themes [value=auto]")
	tab.Until("it is as the system", background+" !== '"+light+"'")
}

func drain(t *testing.T, w *webtest.World, tab *browser.Tab) {
	tab.Click("#drain summary")
	tab.Follow("#drain button")
	tab.Shows("The fleet is draining")
	if w.Drains.Load() != 1 {
		t.Errorf("%d drains", w.Drains.Load())
	}
	tab.Until("it cannot be drained twice", "!document.querySelector('#drain')")
}

func logOut(_ *testing.T, w *webtest.World, tab *browser.Tab) {
	tab.Expect("401 (Unauthorized)")
	tab.Follow("#logout")
	tab.Shows("You have logged out")
	tab.Open(w.HTTP.URL + "/jobs")
	tab.Shows("You are not logged in")
}

func useKeyboard(t *testing.T, w *webtest.World, tab *browser.Tab) {
	w.PutJobs(t, webtest.Job(1, nil))
	tab.Open(w.HTTP.URL + "/")
	tab.Do(chromedp.KeyEvent("/"))
	tab.Until("the search has the focus", "location.pathname === '/jobs' && document.activeElement.id === 'q'")
	tab.Do(chromedp.KeyEvent(kb.Escape))
	tab.Until("the search has let go", "document.activeElement.id !== 'q'")
	tab.Do(chromedp.KeyEvent("/"))
	tab.Until("the search has the focus again", "document.activeElement.id === 'q'")
	tab.Open(w.HTTP.URL + "/")
	tab.Do(chromedp.KeyEvent(kb.Tab))
	tab.Until("the first stop skips the navigation", "document.activeElement.className === 'skip' && document.activeElement.getBoundingClientRect().left >= 0")
	tab.Do(chromedp.KeyEvent(kb.Enter))
	tab.Until("the content has the focus", "document.activeElement.id === 'main' || location.hash === '#main'")
	tab.Eval("(document.querySelector('#j-github\\\\.com-1').focus(), '')")
	w.PutJobs(t, webtest.Job(2, func(j *fleet.Job) { j.Name = "newer" }))
	tab.Shows("newer")
	tab.Until("news leave the focus where it was", "document.activeElement.id === 'j-github.com-1'")
	if outline := tab.Eval("getComputedStyle(document.querySelector('#j-github\\\\.com-1')).outlineStyle"); outline == "" {
		t.Error("no outline")
	}
}

// failure mode K5
func seeThroughABlip(t *testing.T, w *webtest.World, tab *browser.Tab) {
	w.PutJobs(t, webtest.Job(1, nil))
	tab.Shows("4 of 4 runners are in use")
	w.Broken.Store(true)
	w.PutJobs(t, webtest.Job(2, func(j *fleet.Job) { j.Name = "unseen" }))
	tab.Shows("The server cannot read its records at the moment")
	tab.Shows("4 of 4 runners are in use")
	w.Broken.Store(false)
	tab.Shows("unseen")
	tab.Lacks("cannot read its records")
}

func loseConnection(t *testing.T, w *webtest.World, tab *browser.Tab) {
	tab.Expect("ERR_")
	tab.Until("it is connected", "document.documentElement.dataset.live === '1'")
	w.HTTP.CloseClientConnections()
	w.PutJobs(t, webtest.Job(1, func(j *fleet.Job) { j.Name = "meanwhile" }))
	tab.Shows("meanwhile")
	tab.Until("nothing is said of the connection any more", "document.getElementById('offline').hidden")
}

// failure mode K5
func comeBack(t *testing.T, w *webtest.World, tab *browser.Tab) {
	tab.Expect("500 (Internal Server Error)")
	w.PutJobs(t, webtest.Job(1, nil))
	w.Broken.Store(true)
	tab.Open(w.HTTP.URL + "/")
	tab.Shows("The fleet cannot be read")
	if status, _ := page(t, w, "/"); status != http.StatusInternalServerError { // failure mode K1: an error is no empty page
		t.Errorf("a page that cannot be made answers %d", status)
	}
	w.Broken.Store(false)
	tab.Shows("4 of 4 runners are in use")
}

// lookAway hides the page: it lets go of its connection, and has all news as soon as it is seen again.
func lookAway(t *testing.T, w *webtest.World, tab *browser.Tab) {
	hide := func(hidden string) {
		tab.Eval("(Object.defineProperty(document, 'hidden', {value: " + hidden + ", configurable: true}), document.dispatchEvent(new Event('visibilitychange')), '')")
	}
	tab.Until("it is connected", "document.documentElement.dataset.live === '1'")
	hide("true")
	w.PutJobs(t, webtest.Job(1, func(j *fleet.Job) { j.Name = "unseen" }))
	s := open(t, w, "/")
	for _, data := s.next(); !strings.Contains(data, "unseen"); _, data = s.next() { // by now it would be on the page as well
	}
	w.PutJobs(t, webtest.Job(2, nil))
	s.next()
	if tab.Eval("document.body.innerText.includes('unseen')") == "true" {
		t.Error("a hidden page is still connected")
	}
	hide("false")
	tab.Shows("unseen")
	w.PutJobs(t, webtest.Job(3, func(j *fleet.Job) { j.Name = "seen" }))
	tab.Shows("seen")
}
