package api

import (
	"fmt"
	"testing"
	"time"
)

// TestLimiterRefillsAndForgets proves F6's limit: so many at once, as many again
// in a minute, each client by itself, and never more clients than it may keep.
func TestLimiterRefillsAndForgets(t *testing.T) {
	l := newLimiter(60)
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	l.now = func() time.Time { return now }
	passes := func(client string, tries int) (n int) {
		for range tries {
			if _, ok := l.take(client); ok {
				n++
			}
		}
		return n
	}
	if a, b := passes("a", 100), passes("b", 1); a != 60 || b != 1 {
		t.Errorf("%d of a pass and %d of b", a, b)
	}
	if wait, ok := l.take("a"); ok || wait <= 0 || wait > time.Second {
		t.Errorf("told to wait %s", wait)
	}
	now = now.Add(10 * time.Second)
	if n := passes("a", 100); n != 10 {
		t.Errorf("after ten seconds %d pass", n)
	}
	now = now.Add(time.Hour)
	if n := passes("a", 100); n != 60 {
		t.Errorf("after an hour %d pass", n)
	}
	for i := range 3 * mostClients {
		passes(fmt.Sprint(i), 1)
		if len(l.buckets) > mostClients {
			t.Fatalf("%d clients are kept", len(l.buckets))
		}
	}
}
