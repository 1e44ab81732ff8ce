package app

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
	"phaseout/internal/store"
)

// leftService reports whether a status is that of an asset on its way out or gone.
func leftService(s registry.Status) bool { return s != registry.InUse && s != registry.Duplicate }

// retiredSeen is the refusal of an identity that has left service, with what a
// case needs to know and a client must not.
type retiredSeen struct {
	fault *fault.Fault
	match store.Match
	value string
}

func (r *retiredSeen) Error() string { return r.fault.Error() }
func (r *retiredSeen) Unwrap() error { return r.fault }

// noteRefusal keeps a case if err refuses a retired identity, in a transaction
// of its own: the refused one is undone. It returns err.
func (a *App) noteRefusal(ctx context.Context, by access.Actor, source, city string, err error) error {
	var seen *retiredSeen
	if !errors.As(err, &seen) {
		return err
	}
	ref := source + " " + by.RequestID
	if by.RequestID == "" {
		ref = source + " " + newID()
	}
	// The client may be gone; the attempt was made all the same.
	kept := a.DB.Write(context.WithoutCancel(ctx), by, func(tx *store.Tx) error {
		return tx.See(store.RetiredIdentitySeen, seen.match.AssetID, store.Sighting{Ref: ref, Source: source, CityCode: city, Field: seen.match.Kind, Value: seen.value})
	})
	if kept != nil {
		return fmt.Errorf("app: keep the case of a retired identity: %w", kept)
	}
	return err
}

// seenRetired is a retired identity in a row of an import.
type seenRetired struct {
	assetID  string
	sighting store.Sighting
}

// see notes that a row of a sheet holds an identity that has left service.
func (c *importCheck) see(row checkedRow, m store.Match) {
	if !leftService(m.Status) {
		return
	}
	s := store.Sighting{Ref: fmt.Sprintf("import %s %d", c.current.ID, row.row), Source: "import", CityCode: c.current.CityCode,
		Field: m.Kind, Value: valueOf(row.asset.Identifiers, m), Note: fmt.Sprintf("%s: %d", c.current.FileName, row.row)}
	c.seen = append(c.seen, seenRetired{m.AssetID, s})
}

func noteSeen(tx *store.Tx, seen []seenRetired) error {
	for _, s := range seen {
		if err := tx.See(store.RetiredIdentitySeen, s.assetID, s.sighting); err != nil {
			return err
		}
	}
	return nil
}

// CloseCase closes a case with what came of it. A stale version fails with
// Stale, a closed case with Conflict.
func (a *App) CloseCase(ctx context.Context, by access.Actor, id string, version int64, outcome string) (store.Case, error) {
	if outcome = strings.TrimSpace(outcome); outcome == "" {
		return store.Case{}, fault.Field("body.outcome", "required", bilingual.T("请填写处理结果", "say what came of it"),
			bilingual.T("如“录入笔误，已更正”或“已移交执法”", "such as a slip, mended; or handed to enforcement"))
	}
	return write(ctx, a, by, func(tx *store.Tx) (store.Case, error) {
		before, err := tx.Case(id)
		if err != nil {
			return before, err
		}
		if before.Version != version {
			return before, staleSince(version, before.Version)
		}
		return tx.CloseCase(before, outcome)
	})
}
