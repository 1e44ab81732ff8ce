package api

import (
	"strconv"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"

	"phaseout/internal/bilingual"
	"phaseout/internal/fault"
)

// limiter lets each client do so many requests at once, and as many again each
// minute. It keeps its counts in memory: each process has its own.
type limiter struct {
	perMinute float64
	now       func() time.Time // how fast somebody asks is not a fact of the registry
	mu        sync.Mutex
	buckets   map[string]bucket
}

type bucket struct {
	left float64
	at   time.Time
}

// mostClients is how many clients are kept before those at rest are forgotten.
const mostClients = 10_000

func newLimiter(perMinute int) *limiter {
	return &limiter{perMinute: float64(perMinute), now: time.Now, buckets: map[string]bucket{}} //nolint:forbidigo // see limiter.now
}

// take reports whether a client may go on, or after how long it may.
func (l *limiter) take(client string) (wait time.Duration, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if len(l.buckets) >= mostClients {
		l.forget(now)
	}
	left := l.perMinute
	if b, known := l.buckets[client]; known {
		left = l.filled(b, now)
	}
	if ok = left >= 1; ok {
		left--
	}
	l.buckets[client] = bucket{left, now}
	return time.Duration((1 - left) / l.perMinute * float64(time.Minute)), ok
}

func (l *limiter) filled(b bucket, now time.Time) float64 {
	return min(l.perMinute, b.left+now.Sub(b.at).Minutes()*l.perMinute)
}

// forget drops the clients whose bucket is full again, and if that does not
// help all: an attacker with many addresses must not fill the memory.
func (l *limiter) forget(now time.Time) {
	for client, b := range l.buckets {
		if l.filled(b, now) >= l.perMinute {
			delete(l.buckets, client)
		}
	}
	if len(l.buckets) >= mostClients {
		clear(l.buckets)
	}
}

// limited marks an operation as one that each client address may ask only
// labelsPerMinute times a minute.
func (s *Server) limited(op huma.Operation) huma.Operation {
	l := newLimiter(labelsPerMinute)
	op.Middlewares = append(op.Middlewares, func(ctx huma.Context, next func(huma.Context)) {
		if !s.tooMany(ctx, l, address(ctx)) {
			next(ctx)
		}
	})
	return op
}

// address names a client that has not said who it is.
func address(ctx huma.Context) string { return "address " + humagin.Unwrap(ctx).ClientIP() }

// tooMany refuses a request of a client that has asked too much, and reports
// whether it did. Without a limiter nobody has.
func (s *Server) tooMany(ctx huma.Context, l *limiter, client string) bool {
	if l == nil {
		return false
	}
	wait, ok := l.take(client)
	if ok {
		return false
	}
	seconds := int(wait.Seconds()) + 1
	ctx.SetHeader("Retry-After", strconv.Itoa(seconds))
	s.write(ctx, s.problem(ctx.Context(), fault.New(fault.TooMany, "too_many", bilingual.T("请求过于频繁", "too many requests")).
		WithMend("请稍后再试", "try again a little later").With("retry_after_seconds", seconds)))
	return true
}
