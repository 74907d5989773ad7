// Package awssim is EC2's API as an HTTP server on top of provider/sim's cloud, so that the unmodified SDK talks to it: over
// sockets by Handler, or without any by Transport, under whatever clock the cloud has.
//
// It refuses what EC2 refuses, with EC2's codes. Rules are taken from AWS's documentation, whose pages the comments name by
// their last part: "errors-overview" is https://docs.aws.amazon.com/ec2/latest/devguide/errors-overview.html and
// "API_CreateFleet" is https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateFleet.html. What EC2 can do and the
// simulator cannot is refused with the code NotSimulated, so that it is never mistaken for EC2's answer. Requests are not
// verified: a signature only tells the region, as its credential scope does.
package awssim
