// Package seeds holds the reference data, official where the file says so, and
// the sample sheets of the demonstration.
package seeds

import "embed"

// FS holds reference/*.csv and demo/*.
//
//go:embed reference demo
var FS embed.FS
