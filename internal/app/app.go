// Package app holds the use cases: what HTTP, the job queue and the command
// line ask for. One method is one deed in one transaction: load, decide by a
// rule of the domain, save.
package app

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/google/uuid"

	"phaseout/internal/access"
	"phaseout/internal/auth"
	"phaseout/internal/civil"
	"phaseout/internal/registry"
	"phaseout/internal/store"
)

// App is the use cases with what they need.
type App struct {
	DB        *store.DB
	Blobs     *store.Blobs
	Reference *registry.Reference
	Tokens    *auth.Tokens
	Policy    auth.Policy
	MaxUpload int64 // bytes of one uploaded file
	Upkeep    Upkeep

	decoding sync.Mutex // one picture in memory at a time
}

// Today returns the legal date of the injected clock.
func (a *App) Today() civil.Day { return civil.On(a.DB.Now()) }

// newID returns a new UUIDv7: sortable by time, known before the insert.
func newID() string { return uuid.Must(uuid.NewV7()).String() }

// Replay is the error that carries an earlier answer to a request that was
// sent again under its Idempotency-Key.
type Replay struct{ Answer json.RawMessage }

func (*Replay) Error() string { return "the request was answered before" }

type keyed struct {
	key    store.Key
	render func(any) any
}

type keyedContext struct{}

// WithKey makes the next deed under ctx keep its answer under an idempotency
// key; render turns the deed's result into what the client is told.
func WithKey(ctx context.Context, key store.Key, render func(any) any) context.Context {
	return context.WithValue(ctx, keyedContext{}, keyed{key, render})
}

// writeMany runs a deed of many rows, in the background, in one transaction of
// its own, so that nobody's save waits for the end of it.
func writeMany[T any](ctx context.Context, a *App, by access.Actor, deed func(*store.Tx) (T, error)) (result T, err error) {
	err = a.DB.Write(ctx, by, func(tx *store.Tx) (err error) {
		result, err = deed(tx)
		return err
	})
	return result, err
}

// write runs a deed in one transaction. Under an idempotency key it keeps the
// answer in the same transaction, and fails with *Replay if the key was
// answered before.
func write[T any](ctx context.Context, a *App, by access.Actor, deed func(*store.Tx) (T, error)) (T, error) {
	var result T
	k, isKeyed := ctx.Value(keyedContext{}).(keyed)
	if isKeyed {
		if err := a.replay(ctx, by, k.key); err != nil {
			return result, err
		}
	}
	err := a.DB.WriteShared(ctx, by, func(tx *store.Tx) (err error) {
		if result, err = deed(tx); err != nil || !isKeyed {
			return err
		}
		lost, err := tx.Keep(k.key, k.render(result))
		if lost {
			return errors.New("app: another request with this idempotency key came first")
		}
		return err
	})
	if err != nil && isKeyed {
		// A racing request with the same key may have done the deed meanwhile.
		if again := a.replay(ctx, by, k.key); again != nil {
			return result, again
		}
	}
	return result, err
}

// writeMoney is write for a deed that moves public money or may hold it back:
// those of one city run one after the other.
func writeMoney[T any](ctx context.Context, a *App, by access.Actor, deed func(*store.Tx) (T, error)) (T, error) {
	return write(ctx, a, by, func(tx *store.Tx) (result T, err error) {
		if err := tx.QueueForMoney(); err != nil {
			return result, err
		}
		return deed(tx)
	})
}

func (a *App) replay(ctx context.Context, by access.Actor, key store.Key) error {
	var answer json.RawMessage
	found, err := a.DB.Answered(ctx, by.ID, key, &answer)
	if err != nil {
		return err
	}
	if found {
		return &Replay{answer}
	}
	return nil
}

// instant returns t as a pointer, for columns that may be empty.
func instant(t time.Time) *time.Time { return &t }
