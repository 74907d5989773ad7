package main

func truthMutations() []mutation {
	return []mutation{
		{"5.1", "attribution is applied only when the job's rank changes", "deaf", []edit{{fleetJob, "	if s.Runner != \"\" {\n		c.Attribute = s.Runner\n		j = j.attribute(s.Runner, &c)\n	}\n	if j.State.Rank() <", "	if s.Runner != \"\" && j.State.Rank() < JobInProgress.Rank() {\n		c.Attribute = s.Runner\n		j = j.attribute(s.Runner, &c)\n	}\n	if j.State.Rank() <"}}},
		{"5.2", "a webhook moves a job back", "deaf", []edit{{fleetJob, "	case j.Regressed.IsZero():\n		j.Regressed = s.Asked\n		c.Dirty = true\n		return j, c\n", "	case j.Regressed.IsZero():\n		j.State, j.Regressed = s.State, s.Asked\n		c.Dirty = true\n		return j, c\n"}}},
		{"5.3", "no epoch is ever opened", "deaf", []edit{{fleetJob, "|| !runnersOver:", "|| !runnersOver || j.Epoch > 0:"}}},
		{"5.3 twice", "one answer that a job is queued again opens an epoch", "weather", []edit{
			{fleetJob, "	case j.Regressed.IsZero():\n		j.Regressed = s.Asked\n		c.Dirty = true\n		return j, c\n	case s.Asked.Sub(j.Regressed) < RegressionWait || !runnersOver:", "	case !runnersOver:"},
			{applyGo, " && !job.Regressed.IsZero() {", " {"},
		}},
		{"5.3 runners", "an epoch is opened whatever its runners do", "deaf", []edit{{attributeGo, "		if m.V.Job == 0 || m.V.Job == job.ID.ID {\n			return false, nil\n		}\n", "		if m.V.Job == 0 || m.V.Job == job.ID.ID {\n			return true, nil\n		}\n"}}},
		{"5.3 webhook", "a webhook opens an epoch", "deaf", []edit{
			{fleetJob, "	case !s.Authoritative || s.State == JobQueued && s.Runner != \"\":", "	case s.State == JobQueued && s.Runner != \"\":"},
			{fleetJob, "	case s.Asked.Sub(j.Regressed) < RegressionWait || !runnersOver:\n		return j, c\n", "	case s.Authoritative && (s.Asked.Sub(j.Regressed) < RegressionWait || !runnersOver):\n		return j, c\n"},
			{fleetJob, "		j.Regressed = s.Asked\n		c.Dirty = true\n		return j, c\n	case s.Auth", "		j.Regressed = now\n		c.Dirty = true\n		return j, c\n	case s.Auth"},
		}},
		{"5.4", "the names of former epochs are forgotten", "deaf", []edit{{fleetJob, "	j.Closed = addNames(j.Closed, append(slices.Clone(j.Attributed), j.Runner)...)\n", ""}}},
		{"5.5", "an attributed machine without a worker is left alone", "deaf", []edit{{lookGo, "		consider(m.JobNamed.Add(fleet.WorkerIn), lookWorker)\n", "		consider(m.JobNamed.Add(100000*fleet.WorkerIn), lookWorker)\n"}}},
		{"5.6", "a listener without a job is left alone", "deaf", []edit{{lookGo, "		consider(m.NextMatch, lookMatch)\n", ""}}},
		{"5.7 jobs", "jobs that were queued a moment ago back off with those found unmatched", "deaf", []edit{{listingGo, "now.Before(j.BackoffUntil) || now.Sub(j.Queued) < fleet.MatchIn {", "now.Before(j.BackoffUntil) {"}}},
		{"5.7 ever", "no job ever backs off, and runners are launched for it for ever", "deaf", []edit{{listingGo, "			*j = j.FoundUnmatched(now)\n			return true\n", "			return false\n"}}},
		{"5 run over", "a job whose run is over goes on counting", "deaf", []edit{{fleetJob, "		if !s.RunAlive && s.State != JobCompleted {", "		if !s.RunAlive && s.State == JobInProgress {"}}},
	}
}

func retireMutations() []mutation {
	return []mutation{
		{"6.1 404", "a registration that is gone does not count as deleted", "stubborn", []edit{{retireGo, "		case errors.Is(err, ErrNoRunner), answer == Deleted, answer == Absent:", "		case err == nil && answer == Deleted:"}}},
		{"6.1 422", "422 is ignored", "stubborn", []edit{{retireGo, "			busy = r.Name\n", "			deleted[r.Name] = true\n"}}},
		{"6.1 worker", "a machine that is to end does so although its worker has started", "deaf", []edit{{reportGo, "		if r.WorkerRunning && m.Retire != nil && !m.Retire.Goodbye && !m.Retire.Cleared {", "		if r.WorkerRunning && m.Retire != nil && m.Retire.Goodbye && !m.Retire.Cleared {"}, {attributeGo, "		if job.State == fleet.JobInProgress && !m.Retire.Goodbye && !m.Retire.Confirmed {", "		if job.State == fleet.JobInProgress && m.Retire.Goodbye && !m.Retire.Confirmed {"}}},
		{"6.1 word", "a machine is deleted without its agent's word", "stubborn", []edit{{lookGo, "	case r.Confirmed && r.Answered.IsZero():\n		consider(m.Since, lookDelete)\n	case r.Confirmed:\n", "	case r.Answered.IsZero():\n		consider(m.Since, lookDelete)\n	case r.Reason != \"\":\n"}}},
		{"6.2 204", "a 204 is believed", "cut off", []edit{{lookGo, "		consider(r.Answered.Add(fleet.SilentGets), lookGets)\n", "		consider(r.Answered, lookTerminate)\n"}}},
		{"6.2 busy", "GitHub's busy is believed", "cut off", []edit{
			{retireGo, "	jobs, err := c.candidates(ctx, m.V)\n	if err != nil {\n		return err\n	}\n", "	var jobs []int64\n	truths, err := c.github(ctx).Runners(m.V.Repository)\n	if err != nil {\n		return err\n	}\n"},
			{retireGo, "	running := false\n", "	running := false\n	for _, t := range truths {\n		running = running || t.Busy && m.V.Named(t.Name)\n	}\n"},
		}},
		{"6.2 wait", "the GETs follow the answer at once", "cut off", []edit{{fleetUnit, "	SilentGets   = 120 * time.Second\n", "	SilentGets   = 0 * time.Second\n"}}},
		{"6.2 queued", "only jobs that our rows hold queued are asked for", "cut off", []edit{{retireGo, "		if fleet.Matches(m.Labels, e.Folded) {\n			out = append(out, e.Job.ID)", "		if fleet.Matches(m.Labels, e.Folded) && e.State == fleet.JobInProgress {\n			out = append(out, e.Job.ID)"}}},
		{"6.2 unknown", "an unknown answer counts as idle", "weather", []edit{{retireGo, "		if errors.Is(err, ErrNoJob) {\n			continue\n		}\n		if err != nil {\n			return err\n		}\n", "		if err != nil {\n			continue\n		}\n"}}},
		{"6.3 running", "a completed ends a machine whose agent reports a worker", "stubborn", []edit{{lookGo, "	if !m.JobEnded.IsZero() && !m.WorkerRunning {", "	if !m.JobEnded.IsZero() {"}}},
		{"6.3 newest", "a completed of an old registration ends the machine", "deaf", []edit{{attributeGo, "	if change.Ended && m.Job == job.ID.ID && m.JobEnded.IsZero() && m.Newest() != nil && m.Newest().Name == change.Attribute {", "	if job.Over() && m.JobEnded.IsZero() && m.Newest() != nil {"}}},
		{"6.3 silent", "a machine whose job ended waits for its agent for ever", "cut off", []edit{{lookGo, "		consider(m.JobEnded.Add(fleet.EndedFor), lookEnded)\n", ""}, {lookGo, "	consider(m.Lease, lookLease)\n	if m.WorkerStarted.IsZero() {", "	if m.WorkerStarted.IsZero() {"}}},
		{"6.4", "a machine that is to end serves again", "stubborn", []edit{{reportGo, "		if m.State == fleet.MachineAssigned {\n			m.NextMatch", "		if m.State == fleet.MachineAssigned || m.State == fleet.MachineRetiring {\n			m.NextMatch"}}},
		{"6.5", "an instance that ended by itself is not noticed", "turns", []edit{{sweepGo, "		case listed && !i.State.Live():\n", "		case listed && !i.State.Live() && i.ID == \"\":\n"}, {sweepGo, "		case !listed:\n", "		case !listed && m.ID.ID == \"\":\n"}}},
		{"6 names", "registrations of a machine that has ended are forgotten", "silence", []edit{{lookGo, "		if len(m.Undeleted()) > 0 {\n			consider(m.Ended, lookDelete)\n		}\n", ""}, {sweepGo, "func (c *Controller) sweepRegistrations(ctx context.Context) error {\n", "func (c *Controller) sweepRegistrations(ctx context.Context) error {\n	if ctx != nil {\n		return nil\n	}\n"}}},
		{"8 gone", "an instance whose row says gone is nobody's business", "silence", []edit{{sweepGo, "		return !m.V.Live(), nil\n", "		return false, nil\n"}}},
		{"8 rows only", "instances without a row are nobody's business", "silence", []edit{{sweepGo, "	if !l.Exists() || l.V.Settled() {\n		return true, nil\n	}\n", "	if !l.Exists() || l.V.Settled() {\n		return false, nil\n	}\n"}}},
		{"8 busy", "an instance without a row is ended although its runner is busy", "cut off", []edit{{sweepGo, "			if answer == Busy {", "			if answer == Busy && i.ID == \"\" {"}}},
		{"8 once", "one sighting is enough", "silence", []edit{{sweepGo, "		s.first[key] = now\n		return false\n", "		s.first[key] = now\n		return true\n"}, {sweepGo, "	if young || len(over) == 0 {", "	if len(over) == 0 {"}}},
		{"RightFleet", "registrations of other fleets are swept too", "", []edit{{"internal/controller/mint.go", "return \"rf-\" + c.fleetID + \"-\" }", "return \"rf-\" + c.fleetID[:0] }"}}},
	}
}

func storageMutations() []mutation {
	return []mutation{
		{"AckAfterDurable ingress", "a delivery is acknowledged and not stored", "weather", []edit{{"internal/ingress/webhook.go", "	if err = w.store(ctx, message); err != nil {\n", "	_ = w.store\n	if err = ctx.Err(); err != nil {\n"}}},
		{"AckAfterDurable", "a message that could not be applied is deleted", "weather", []edit{{messagesGo, "	if err == nil {\n		return true\n	}\n	wait :=", "	if err == nil || m.Receives > 0 {\n		return true\n	}\n	wait :="}}},
		{"Forward machine", "machines are written whatever their version", "crowd", []edit{{rowUnit, "	writes := []store.Write{store.Put(row, store.At(old.Version))}\n", "	writes := []store.Write{store.Put(row, store.Any())}\n"}}},
		{"Forward job", "jobs are written whatever their version", "crowd", []edit{{rowJob, "	writes := []store.Write{store.Put(row, store.At(old.Version))}\n	writes = append", "	writes := []store.Write{store.Put(row, store.Any())}\n	writes = append"}}},
		{"Forward head", "heads are written whatever their version", "crowd", []edit{{rowShape, "Value: encode(h)}, store.At(old.Version))}", "Value: encode(h)}, store.Any())}"}}},
		{"live count", "room that a machine leaves is not given back", "", []edit{{machineGo, "record.Live{Count: max(0, live.V.Count-1)}", "record.Live{Count: live.V.Count}"}}},
		{"NoPanic", "a bug panics", "", []edit{{retireGo, "	running := false\n", "	running := len(jobs) > 0 && jobs[len(jobs)] == 0\n"}}},
		{"scan", "GitHub is not asked what it holds queued", "whispers", []edit{{"internal/controller/sweep_github.go", "func (c *Controller) sweepGitHub(ctx context.Context) error {\n", "func (c *Controller) sweepGitHub(ctx context.Context) error {\n	if ctx != nil {\n		return nil\n	}\n"}}},
		{"due rows", "rows that are due are not looked at", "cut off", []edit{{"internal/controller/due.go", "func (c *Controller) workDue(ctx context.Context) error {\n", "func (c *Controller) workDue(ctx context.Context) error {\n	if ctx != nil {\n		return nil\n	}\n"}}},
	}
}
