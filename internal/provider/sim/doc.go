// Package sim is a cloud in memory that behaves, and above all refuses, as EC2 does: capacity and prices per pool, slow
// states, boots that take their time or never end, spot interruptions, throttling, idempotency tokens, listings that lag,
// and faults whose rates are set while it runs. Provider makes it a provider.Provider; a simulator of EC2's wire protocol
// can stand on Cloud itself.
//
// Nothing happens in the background. Everything that is due is done, in the order of its time, when somebody next looks:
// each call begins with Advance. Next tells a scheduler when something happens again. A call takes one number from
// seam.Random, before it takes the lock, and everything that it decides is derived from that number by name. So the same
// seed and the same order of calls tell the same history, and one fault switched off leaves all other chances as they were.
//
// Rules are taken from AWS's documentation, whose pages the comments name by their last part: "ec2-api-throttling" is
// https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html. Times and prices are a model, not measurements.
package sim
