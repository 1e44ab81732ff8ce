//go:build race

package api_test

// underRace says that the race detector runs, which makes much of this many
// times as slow: what is made smaller for it is a step of its own in .ci/test.sh.
const underRace = true
