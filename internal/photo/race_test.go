//go:build race

package photo_test

// underRace says that the race detector runs, which makes this ten times as slow:
// the whole measurement is a step of its own in .ci/test.sh.
const underRace = true
