// Package ec2 makes machines of Amazon EC2: one CreateFleet of the type instant for each launch, from a launch template of our
// own, over all types that satisfy the spec and all zones.
//
// What a launch will say is planned once, from an inventory of the region that is held in memory, and frozen into the launch's
// row (Freeze); every repeat sends the same bytes, whatever prices and images have become. Errors are told apart by their code
// and never by their text. Nothing that does not carry the fleet's id is ever listed, and only what was listed can be ended.
//
// Rules are taken from AWS's documentation, whose pages the comments name by their last part: "ec2-fleet-request-type" is
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-fleet-request-type.html, and pages that begin with API_ are of the
// API reference. Decision record 15 has the reasons.
package ec2
