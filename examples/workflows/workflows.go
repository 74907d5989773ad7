// Package workflows holds the example workflows, which the demo runs.
package workflows

import "embed"

// Files are the workflow files.
//
//go:embed *.yml
var Files embed.FS
