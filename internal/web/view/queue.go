package view

import (
	"time"

	"github.com/runs-fleet/runs-fleet/internal/controller"
)

// DeadLetter is a message of the queue, a delivery of GitHub's, that could not be applied after many attempts.
type DeadLetter struct {
	ID         string    `json:"id" doc:"The queue's id of the message" example:"5fea7756-0ea4-451a-a703-a558b933e274"`
	Sent       time.Time `json:"sent" doc:"When it was put into the queue"`
	Deliveries int       `json:"deliveries" doc:"How often it was tried" example:"10"`
	Reason     string    `json:"reason" doc:"Why it failed the last time" example:"decoding event: unexpected end of JSON input"`
	Failed     time.Time `json:"failed,omitzero" doc:"When that was, if it is known"`

	Job        int64  `json:"job,omitempty" doc:"GitHub's id of the job that it is about; absent if it cannot be read" example:"39201480004"`
	Host       string `json:"host,omitempty" doc:"The GitHub host of the job" example:"github.com"`
	Repository string `json:"repository,omitempty" example:"acme/shop"`
	Name       string `json:"name,omitempty" doc:"The job's name" example:"unit tests (linux)"`
	State      string `json:"state,omitempty" doc:"What it says of the job" example:"queued"`
}

// DeadLetters are the oldest of them.
type DeadLetters struct {
	Messages []DeadLetter `json:"messages" nullable:"false"`
	More     bool         `json:"more,omitempty" doc:"There are more than these"`
}

// Redriven says how many messages are tried anew.
type Redriven struct {
	Returned int `json:"returned" doc:"Messages that were returned to the queue" example:"3"`
}

// unknownReason stands where no reason was noted: the store did not answer, or SQS gave the message a new id since.
const unknownReason = "It is not known why; the server's log may say."

// OfDeadLetters shows at most limit of them.
func OfDeadLetters(letters []controller.DeadLetter, limit int) DeadLetters {
	out := DeadLetters{Messages: []DeadLetter{}, More: len(letters) > limit}
	for _, l := range letters[:min(len(letters), limit)] {
		d := DeadLetter{ID: l.Message, Sent: l.Sent, Deliveries: l.Receives, Reason: l.Reason.Text, Failed: l.Reason.At}
		if d.Reason == "" {
			d.Reason = unknownReason
		}
		if l.Job != nil {
			d.Job, d.Host, d.Repository, d.Name, d.State = l.Job.Job, l.Job.Repository.Host, l.Job.Repository.FullName(), l.Job.Name, string(l.Job.State)
		}
		out.Messages = append(out.Messages, d)
	}
	return out
}
