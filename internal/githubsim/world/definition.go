package world

// Definition is all that a runner needs to execute a job.
type Definition struct {
	ID           int64             `json:"id"`
	RunID        int64             `json:"run_id"`
	Attempt      int               `json:"attempt"`
	Name         string            `json:"name"`
	WorkflowPath string            `json:"workflow_path"`
	Workflow     string            `json:"workflow"` // the whole file
	Job          string            `json:"job"`      // its key in the file
	Matrix       map[string]any    `json:"matrix"`   // null without a matrix
	Strategy     map[string]any    `json:"strategy"`
	Needs        map[string]Need   `json:"needs"`
	EventName    string            `json:"event_name"`
	Event        map[string]any    `json:"event"`
	Ref          string            `json:"ref"`
	SHA          string            `json:"sha"`
	Repository   string            `json:"repository"`
	Actor        string            `json:"actor"`
	ServerURL    string            `json:"server_url"`
	Secrets      map[string]string `json:"secrets"`
	Vars         map[string]string `json:"vars"`
}

// Need is one entry of the needs context.
type Need struct {
	Result  string            `json:"result"`
	Outputs map[string]string `json:"outputs"`
}

// Define describes a job to its runner. Secrets are the caller's to add.
func (w *World) Define(job *Job, serverURL string) Definition {
	run := w.runs[job.RunID]
	needs := map[string]Need{}
	for _, key := range job.node.job.Needs {
		need := run.node(key)
		outputs := need.outputs
		if outputs == nil {
			outputs = map[string]string{}
		}
		needs[key] = Need{Result: string(need.result), Outputs: outputs}
	}
	vars := run.Repository.Vars
	if vars == nil {
		vars = map[string]string{}
	}
	return Definition{
		ID: job.ID, RunID: run.ID, Attempt: job.Attempt, Name: job.Name, WorkflowPath: run.Workflow.Path, Workflow: string(run.source),
		Job: job.Key, Matrix: job.combination.Values, Strategy: job.node.strategy.Context(job.combination.Index, job.node.jobTotal()),
		Needs: needs, EventName: run.EventName, Event: run.Payload, Ref: run.Ref, SHA: run.Commit.SHA,
		Repository: run.Repository.FullName(), Actor: run.Actor, ServerURL: serverURL, Secrets: map[string]string{}, Vars: vars,
	}
}
