// Package events tells what the simulated cloud says of its instances as EventBridge does: state changes, rebalance
// recommendations and interruption warnings, at least once, late or not at all, as the cloud's faults have it. Where they go
// is a Sink: SQS in most set-ups, which a rule of EventBridge hands its events unchanged.
//
// The forms are those of the pages "monitoring-instance-state-changes", "rebalance-recommendations" and
// "spot-instance-termination-notices" of https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/.
package events
