package main

// mutation is one deliberate bug.
type mutation struct {
	name    string // begins with the rule's number
	what    string
	profile string // the difficult worlds that it is tried in; empty for ordinary ones
	edits   []edit
}

type edit struct{ file, old, new string }

const (
	attributeGo = "internal/controller/attribute.go"
	agentsGo    = "internal/controller/agents.go"
	applyGo     = "internal/controller/apply.go"
	decideGo    = "internal/controller/decide.go"
	launchGo    = "internal/controller/launch.go"
	listingGo   = "internal/controller/listing.go"
	lookGo      = "internal/controller/look.go"
	machineGo   = "internal/controller/machine.go"
	messagesGo  = "internal/controller/messages.go"
	mintGo      = "internal/controller/mint.go"
	reportGo    = "internal/controller/report_apply.go"
	retireGo    = "internal/controller/retire.go"
	planGo      = "internal/controller/reconcile.go"
	resolveGo   = "internal/controller/resolve.go"
	sweepGo     = "internal/controller/sweep_provider.go"
	fleetJob    = "internal/fleet/job.go"
	fleetUnit   = "internal/fleet/machine.go"
	rowUnit     = "internal/record/machine.go"
	rowJob      = "internal/record/job.go"
	rowShape    = "internal/record/shape.go"
	simUnit     = "internal/simulate/machine.go"
)

func mutations() []mutation {
	var all []mutation
	all = append(all, countingMutations()...)
	all = append(all, launchMutations()...)
	all = append(all, registrationMutations()...)
	all = append(all, truthMutations()...)
	all = append(all, retireMutations()...)
	return append(all, storageMutations()...)
}

func countingMutations() []mutation {
	return []mutation{
		{"1.3 hold", "a machine is no longer held once its worker has started", "crowd", []edit{{fleetUnit, "	if c.Worker {\n		return c.Demand\n	}", "	if c.Worker {\n		return \"\"\n	}"}}},
		{"1.3 lease", "a machine is held although its lease has expired", "cut off", []edit{{fleetUnit, "(c.State == MachineAssigned || c.State == MachineListening) && now.Before(c.Lease) {", "(c.State == MachineAssigned || c.State == MachineListening) && now.Year() > 1 {"}}},
		{"1.3 lease, 3.5", "an expired lease ends neither a hold nor a machine's life", "cut off", []edit{
			{fleetUnit, "(c.State == MachineAssigned || c.State == MachineListening) && now.Before(c.Lease) {", "(c.State == MachineAssigned || c.State == MachineListening) && now.Year() > 1 {"},
			{lookGo, "	case fleet.MachineReady, fleet.MachineAssigned:\n		consider(m.Lease, lookLease)\n", "	case fleet.MachineReady, fleet.MachineAssigned:\n"},
			{lookGo, "	case fleet.MachineListening:\n		consider(m.Lease, lookLease)\n", "	case fleet.MachineListening:\n"},
		}},
		{"1.4", "an unattributed worker triggers no listing", "whispers", []edit{{lookGo, "		consider(m.WorkerStarted.Add(fleet.AttributeIn), lookListing)\n", ""}}},
		{"1.5", "a late queued event counts without a GET", "whispers", []edit{{applyGo, "now.Sub(s.Created) > lateQueued &&", "now.Sub(s.Created) > lateQueued*100000 &&"}}},
		{"1.6 once", "every launch that got no answer for a minute ceases to count", "silence", []edit{
			{decideGo, "		n += l.Outstanding\n		late :=", "		late :="},
			{decideGo, "		if late && (left < 0 ||", "		if !late {\n			n += l.Outstanding\n		}\n		if late && false && (left < 0 ||"},
		}},
		{"1.7 outstanding", "launches that are on their way do not count", "", []edit{{decideGo, "deficit := need - len(ready) - len(starting) - outstanding", "_ = outstanding\n	deficit := need - len(ready) - len(starting)"}}},
		{"1.7 starting", "machines that boot do not count", "", []edit{{decideGo, "deficit := need - len(ready) - len(starting) - outstanding", "deficit := need - len(ready) - outstanding"}}},
		{"1.8", "the environment's limit is forgotten", "turns", []edit{{decideGo, "room := max(0, s.MaxRunners-s.Live)", "room := s.MaxRunners"}}},
		{"1.9 move", "queued jobs do not move with their demand", "turns", []edit{
			{planGo, "range p.d.Moves[:min(most, len(p.d.Moves))] {", "range p.d.Moves[:0] {"},
			{planGo, "|| d.Later || len(d.Moves) > 0 ||", "|| d.Later ||"},
		}},
		{"1.9 machines", "a moved demand's machines of its former shape do not count", "turns", []edit{{rowShape, "range v.Head.V.Former {", "range v.Head.V.Former[:0] {"}}},
		{"1.9 earlier", "machines of the shapes before a moved demand's last one do not count", "turns", []edit{{resolveGo, "append([]fleet.ShapeKey{from}, before...)", "append([]fleet.ShapeKey{from}, before[:0]...)"}}},
		{"1.9 others", "a shape counts the machines of all demands of its former shapes", "turns", []edit{{rowShape, "		if owner == head.V.Key {\n", "		if owner != \"\" {\n"}}},
		{"1.10 demands", "listeners beyond their demand's jobs are left alone", "crowd", []edit{{decideGo, "pick(c.idle, len(c.idle)-c.queued, textOutnumbered)", "pick(c.idle, min(0, len(c.idle)-c.queued), textOutnumbered)"}}},
		{"1.11 index", "a decision counts the machines of an index that lags", "pauses", []edit{
			{rowShape, "v.Machines, err = all[fleet.Count](ctx, r, p, machinePrefix); err != nil {", "v.Machines, err = r.indexed(ctx, k); err != nil {"},
			{rowShape, "// spare is how many", "func (r *Records) indexed(ctx context.Context, k fleet.ShapeKey) (out []fleet.Count, err error) {\n	all, err := r.LiveMachines(ctx)\n	for _, m := range all {\n		if m.Shape == k && m.Count().Counts() {\n			out = append(out, m.Count())\n		}\n	}\n	return out, err\n}\n\n// spare is how many"},
		}},
		{"1.10", "surplus is never retired", "crowd", []edit{{decideGo, "if s.Now.Sub(since) >= fleet.SurplusFor &&", "if s.Now.Sub(since) >= 100000*fleet.SurplusFor &&"}}},
		{"1.11 machines", "a shape without jobs is not looked at, whatever machines it has", "crowd", []edit{{decideGo, "d.Idle = len(s.View.Jobs) == 0 && len(s.View.Machines) == 0 && len(s.View.Launches) == 0", "d.Idle = len(s.View.Jobs) == 0"}}},
		{"1.11 order", "machines are read before launches", "crowd", []edit{
			{rowShape, "	if v.Launches, err = all[LaunchEntry](ctx, r, p, launchPrefix); err != nil {\n		return View{}, err\n	}\n", ""},
			{rowShape, "	for _, former := range v.Head.V.Former {", "	if v.Launches, err = all[LaunchEntry](ctx, r, p, launchPrefix); err != nil {\n		return View{}, err\n	}\n	for _, former := range v.Head.V.Former {"},
		}},
		{"1.11 one transaction", "the machine is attributed in a transaction of its own", "", []edit{{attributeGo, "	*writes = append(*writes, c.putMachine(kept, m))\n", "	if err := c.Records.Commit(ctx, c.putMachine(kept, m)); err != nil {\n		return record.Kept[fleet.Machine]{}, err\n	}\n"}}},
		{"1.12", "a decision does not raise the shape's version", "crowd", []edit{{planGo, "	if changed || noted {", "	if noted && !changed {"}}},
	}
}

func launchMutations() []mutation {
	return []mutation{
		{"2.2 bytes", "a repeated call asks for what is outstanding", "silence", []edit{{launchGo, "	callCtx, cancel := c.Clock.WithTimeout(ctx, launchDeadline)\n", "	r.Count = l.Count + max(0, l.Calls-2)\n	callCtx, cancel := c.Clock.WithTimeout(ctx, launchDeadline)\n"}}},
		{"2.2 row", "the call is made before the row is written", "", []edit{
			{planGo, "	l = l.Called(p.now)\n", "	l = l.Called(p.now)\n	var early provider.Request\n	_ = json.Unmarshal(l.Request, &early)\n	_, _ = p.c.Provider.Launch(context.Background(), early)\n"},
			{planGo, "import (\n	\"context\"\n", "import (\n	\"context\"\n	\"encoding/json\"\n"},
			{planGo, "	\"github.com/runs-fleet/runs-fleet/internal/record\"\n", "	\"github.com/runs-fleet/runs-fleet/internal/provider\"\n	\"github.com/runs-fleet/runs-fleet/internal/record\"\n"},
		}},
		{"2.2 repeat", "a launch without answer is not repeated", "silence", []edit{{launchGo, "	case err != nil:\n		return fmt.Errorf(\"calling the provider: %w\", err)", "	case err != nil:\n		answer = provider.Answer{Errors: []provider.LaunchError{{Code: \"Lost\", Message: err.Error(), Count: l.Count}}}"}}},
		{"2.3 count", "an instance attaches beyond its launch's count", "silence", []edit{{launchGo, "			if l.Settled() {\n", "			if l.Settled() && l.Count < 0 {\n"}}},
		{"2.3 absent", "a machine that has ended attaches again", "silence", []edit{{launchGo, "			if row.Exists() {\n				continue", "			if row.Exists() && row.V.Live() {\n				continue"}}},
		{"2.4", "the failed places are written before the instances attach", "silence", []edit{{launchGo, "		if err := c.attach(ctx, id, chunk); err != nil {\n			return err\n		}\n", "		_ = chunk\n"}}},
		{"2.4 listing", "a launch that is given up is settled without a listing", "silence", []edit{{launchGo, "if i.LaunchID == l.ID && i.State.Live() {", "if i.LaunchID == l.ID && !i.State.Live() {"}}},
		{"2.5", "a hello of a settled launch is not refused, and nothing comes of it", "silence", []edit{{"internal/controller/agents.go", "	case !row.Exists():\n", "	case !row.Exists():\n		return nil\n	case row.Version == 0:\n"}}},
		{"3.3", "an agent that cannot renew goes on listening", "cut off", []edit{{simUnit, "case listens && silent > stopAfter:", "case listens && silent > stopAfter && m.runner == \"\":"}}},
		{"3.4", "the dead-man timer does not look for a worker", "cut off", []edit{{simUnit, "	case m.worker.running:\n		left = time.Minute\n", ""}}},
		{"3.5", "an expired lease begins nothing", "cut off", []edit{
			{lookGo, "	case fleet.MachineReady, fleet.MachineAssigned:\n		consider(m.Lease, lookLease)\n", "	case fleet.MachineReady, fleet.MachineAssigned:\n"},
			{lookGo, "	case fleet.MachineListening:\n		consider(m.Lease, lookLease)\n", "	case fleet.MachineListening:\n"},
			{lookGo, "	consider(m.Lease, lookLease)\n	if m.WorkerStarted.IsZero() {", "	if m.WorkerStarted.IsZero() {"},
		}},
	}
}

func registrationMutations() []mutation {
	return []mutation{
		{"4.2 unique", "a machine has one name for ever", "stubborn", []edit{{mintGo, "c.namePrefix(), m.ID.ID, len(m.Runners)+m.Waits+1)", "c.namePrefix(), m.ID.ID, 1)"}}},
		{"4.2 before", "the name is written after the POST", "weather", []edit{
			{mintGo, "	err = c.Records.Commit(ctx, c.putMachine(m, named), // rule 4.2: the name is written before the POST\n		c.Records.PutRunner(named.Repository.Host, name, named.ID, now.Add(keepNames)))\n", ""},
			{mintGo, "		if i < 0 {\n			return nil\n		}\n", "		if i < 0 {\n			i = len(m.Runners)\n			m.Runners = append(m.Runners, fleet.Runner{Name: name, Written: c.Clock.Now(), Repository: m.Repository})\n		}\n"},
			{mintGo, "		if err := c.Records.Commit(ctx, c.putMachine(row, m)); err != nil {\n			return err\n		}\n		return nil\n", "		return c.Records.Commit(ctx, c.putMachine(row, m), c.Records.PutRunner(m.Repository.Host, name, m.ID, c.Clock.Now().Add(keepNames)))\n"},
		}},
		{"4.3", "only the newest name of a machine is known", "stubborn", []edit{
			{fleetUnit, "return slices.ContainsFunc(m.Runners, func(r Runner) bool { return r.Name == runner })", "return slices.ContainsFunc(m.Runners[max(0, len(m.Runners)-1):], func(r Runner) bool { return r.Name == runner })"},
			{fleetUnit, "	for _, r := range m.Runners {\n		if r.Deleted.IsZero() {", "	for _, r := range m.Runners[max(0, len(m.Runners)-1):] {\n		if r.Deleted.IsZero() {"},
		}},
		{"4.4", "a machine registers again without its agent's word", "stubborn", []edit{{fleetUnit, "	if handed > 0 && !m.Word {", "	if handed > 5 && !m.Word {"}}},
		{"4.4 limit", "a machine registers as often as it likes", "stubborn", []edit{{fleetUnit, "handed >= MaxHandOuts || len(m.Runners) >= MaxNames", "handed >= 1000*MaxHandOuts || len(m.Runners) >= 1000*MaxNames"}}},
		{"4.5", "neither the fleet nor the agent stops a listener that does not connect", "stubborn", []edit{
			{reportGo, "now.Sub(newest.HandedOut) >= fleet.ConnectIn {", "now.Sub(newest.HandedOut) >= 1000*fleet.ConnectIn {"},
			{simUnit, "now.Sub(m.since) >= connectLimit:", "now.Sub(m.since) >= 1000*connectLimit:"},
		}},
		{"4.6", "a refused demand does not back off", "stubborn", []edit{{mintGo, "		state := demand.V.MintRefused(refused.Error(), now)\n", "		state := demand.V.MintRefused(refused.Error(), now)\n		state.RefusedUntil = now\n"}}},
		{"4 handed out late", "a machine that has moved on is handed its registration", "stubborn", []edit{{mintGo, "if newest && m.State == fleet.MachineAssigned && ctx.Err() == nil {", "if newest && m.State != fleet.MachineReady {"}}},
	}
}
