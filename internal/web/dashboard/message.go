package dashboard

import "net/http"

// message is a page with one thing to say.
type message struct {
	Title, Text, Command string
	Refresh              int // seconds
	Home                 bool
}

func (d *Dashboard) say(w http.ResponseWriter, r *http.Request, code int, m message) {
	d.write(w, r, code, d.message, "layout", content{Title: m.Title, Nav: "message", Data: m})
}

// LoggedOut tells a browser how to log in.
func (d *Dashboard) LoggedOut(w http.ResponseWriter, r *http.Request) {
	d.say(w, r, http.StatusUnauthorized, message{
		Title:   "You are not logged in",
		Text:    "The server printed a one-time address when it started. If it has been used, this command on the server's machine prints another:",
		Command: "runs-fleet login",
	})
}

// Goodbye says that a browser has logged out.
func (d *Dashboard) Goodbye(w http.ResponseWriter, r *http.Request) {
	d.say(w, r, http.StatusOK, message{
		Title: "You have logged out", Text: "This command prints an address that logs a browser in again:", Command: "runs-fleet login",
	})
}

// Welcome takes a browser that has just logged in to the first page.
func (d *Dashboard) Welcome(w http.ResponseWriter, r *http.Request) {
	d.say(w, r, http.StatusOK, message{Title: "Welcome", Text: "You are logged in.", Home: true})
}

// NotFound says that there is no such page.
func (d *Dashboard) NotFound(w http.ResponseWriter, r *http.Request) {
	d.say(w, r, http.StatusNotFound, message{
		Title: "There is nothing here",
		Text:  "No page has this address. A job or a machine that ended long ago is no longer kept.",
	})
}
