package controller

// Fallback is a second way that was taken because the first one did not work. Every one is counted: a fleet that lives on
// its fallbacks works, and nobody would know that something is wrong. The words are those of the whole control plane,
// since a vocabulary has one writer.
type Fallback string

// The fallbacks of the controller.
const (
	// FallbackReceive: the queue could not be read and is asked again.
	FallbackReceive Fallback = "receive_retried"
	// FallbackDelivery: a delivery could not be applied and comes back.
	FallbackDelivery Fallback = "delivery_retried"
	// FallbackDelete: applied deliveries could not be deleted and will be applied again, which changes nothing.
	FallbackDelete Fallback = "delivery_not_deleted"
	// FallbackRedrive: dead letters were returned one by one, as the queue's service moves none for us.
	FallbackRedrive Fallback = "dead_letters_moved_by_hand"
	// FallbackLateDelivery: an old queued event was believed only after asking GitHub (rule 1.5).
	FallbackLateDelivery Fallback = "late_delivery_checked"
	// FallbackReopened: GitHub queued a job again that had started (rule 5.3).
	FallbackReopened Fallback = "job_reopened"
	// FallbackConflicts: a reconcile gave way to other writers and is made up for within 10 s.
	FallbackConflicts Fallback = "reconcile_put_off"
	// FallbackReconcile: a reconcile met an error and is made up for within 10 s.
	FallbackReconcile Fallback = "reconcile_failed"
	// FallbackHint: what waits for room or for the end of a back-off was not told of it and is looked at at its next time.
	FallbackHint Fallback = "hint_lost"
	// FallbackLook: a row could not be looked at, or a job not be asked for, and is due again later.
	FallbackLook Fallback = "look_put_off"
	// FallbackStep: a step of a machine's life met an error or an unknown answer and is tried again.
	FallbackStep Fallback = "machine_step_put_off"
	// FallbackMarket: the preferred market rests after a failure and another one is used (rule 2.6).
	FallbackMarket Fallback = "market_changed"
	// FallbackRepeat: a launch got no answer and is repeated with the same bytes (rule 2.2).
	FallbackRepeat Fallback = "launch_repeated"
	// FallbackSettled: a launch that was never answered is settled by listing instances (rule 2.4).
	FallbackSettled Fallback = "launch_settled_by_listing"
	// FallbackListed: a machine was attached because a listing showed it, not the launch's answer (rule 2.3).
	FallbackListed Fallback = "machine_found_by_listing"
	// FallbackEndedElsewhere: a machine's end was learned from the provider, not from its agent (rule 6.5).
	FallbackEndedElsewhere Fallback = "machine_ended_elsewhere"
	// FallbackRowless: an instance that no row answers for was ended (section 8).
	FallbackRowless Fallback = "rowless_instance_ended"
	// FallbackStray: a registration that no machine answers for was deleted.
	FallbackStray Fallback = "stray_registration_deleted"
	// FallbackLease: a machine is retired because its agent fell silent (rule 3.5).
	FallbackLease Fallback = "agent_silent"
	// FallbackAskedGitHub: GitHub was asked who runs on a silent machine (rule 6.2).
	FallbackAskedGitHub Fallback = "silent_machine_checked"
	// FallbackUnattributed: GitHub named no job for a worker; its run's jobs were listed (rule 1.4).
	FallbackUnattributed Fallback = "worker_unattributed"
	// FallbackNoWorker: GitHub gave a machine a job and no worker started (rule 5.5).
	FallbackNoWorker Fallback = "worker_missing"
	// FallbackUnmatched: a listener got none of the queued jobs and is retired (rule 5.6).
	FallbackUnmatched Fallback = "listener_unmatched"
	// FallbackReport: the author could not be told on the commit.
	FallbackReport Fallback = "report_put_off"
	// FallbackLeases: the leases of periodic works could not be renewed; another replica may take them.
	FallbackLeases Fallback = "leases_not_renewed"
	// FallbackWake: another replica could not be told that an agent has an order; the agent gets it within 5 s (rule 3.2).
	FallbackWake Fallback = "wake_lost"
	// FallbackArchive: logs of a machine that has ended could not be kept beyond what its row and its provider remember.
	FallbackArchive Fallback = "log_not_archived"
	// FallbackPanic: a bug was met, and the work is tried again (failure mode A4).
	FallbackPanic Fallback = "panic_recovered"
)

// The fallbacks of what surrounds the controller.
const (
	// FallbackToken: GitHub refused a token before its end and another one was fetched.
	FallbackToken Fallback = "token_renewed"
	// FallbackCheckRun: a check run could not be brought up to date and another one was written.
	FallbackCheckRun Fallback = "check_run_written_anew"
	// FallbackRepositories: GitHub did not answer at the start and what an earlier start learned of a repository was used.
	FallbackRepositories Fallback = "repository_remembered"
	// FallbackRunnerKept: the newest runner could not be learned or fetched, and the one at hand is used.
	FallbackRunnerKept Fallback = "runner_kept"
	// FallbackRunnerCache: the runner's cache was unreadable and is filled anew.
	FallbackRunnerCache Fallback = "runner_cache_filled_anew"
	// FallbackSecret: a secret could not be read again and the former one is used on.
	FallbackSecret Fallback = "secret_kept"
	// FallbackUnlimited: no control group can be made, so jobs run without a limit of processes.
	FallbackUnlimited Fallback = "no_control_group"
)

// Fallbacks lists them all.
func Fallbacks() []Fallback {
	return []Fallback{
		FallbackReceive, FallbackDelivery, FallbackDelete, FallbackRedrive, FallbackLateDelivery, FallbackReopened, FallbackConflicts,
		FallbackReconcile, FallbackHint, FallbackLook, FallbackStep, FallbackMarket, FallbackRepeat, FallbackSettled,
		FallbackListed, FallbackEndedElsewhere, FallbackRowless, FallbackStray, FallbackLease, FallbackAskedGitHub,
		FallbackUnattributed, FallbackNoWorker, FallbackUnmatched, FallbackReport, FallbackLeases, FallbackWake, FallbackArchive, FallbackPanic,
		FallbackToken, FallbackCheckRun, FallbackRepositories, FallbackRunnerKept, FallbackRunnerCache, FallbackSecret,
		FallbackUnlimited,
	}
}
