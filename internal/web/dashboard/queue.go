package dashboard

import (
	"net/http"

	"github.com/runs-fleet/runs-fleet/internal/web/view"
)

// deadShown is how many messages the page lists.
const deadShown = 100

// queuePage is what could not be applied.
type queuePage struct {
	view.DeadLetters
}

// queue lists dead letters. It does not live: to look at them costs calls, and hides them from others meanwhile.
func (d *Dashboard) queue(r *http.Request) (content, error) {
	letters, err := d.DeadLetters(r.Context(), deadShown+1)
	if err != nil {
		return content{}, err
	}
	return content{Title: "Messages", Nav: "queue", Data: queuePage{view.OfDeadLetters(letters, deadShown)}}, nil
}

// redrive has them tried anew and returns to the page, which shows what is left.
func (d *Dashboard) redrive(w http.ResponseWriter, r *http.Request) {
	if _, err := d.Redrive(r.Context()); err != nil {
		d.fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/queue", http.StatusSeeOther)
}
