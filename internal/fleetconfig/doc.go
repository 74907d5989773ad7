// Package fleetconfig reads the fleet configuration: environments, images, runners and pools, in one YAML file.
//
// Reading is strict. Everything that is wrong is a Finding with a line, a column and what to write instead, and all of them
// are found at once. A configuration with an error is not applied in part: whoever reads it keeps the last good one.
package fleetconfig
