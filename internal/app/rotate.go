package app

import (
	"bytes"
	"context"
	"fmt"

	"phaseout/internal/access"
	"phaseout/internal/ledger"
	"phaseout/internal/store"
)

// Rotation is how far a change of the key of sealed numbers is.
type Rotation struct {
	Applications int64 // applications, lines of batches and files of the bank that were sealed again
	Lines        int64
	Files        int64
	Left         int64 // values and files that are not under the key in use; 0 at the end
}

// RotateKey seals everything again under the key in use that is not: numbers of
// payees, applicants and agents, accounts in batches, files of the bank. The old
// key has to be on the ring. It goes a piece at a time and may be stopped and
// started again: what is sealed already is passed over. Values of before, that
// lie unsealed, are sealed as well.
func (a *App) RotateKey(ctx context.Context, say func(Rotation)) (Rotation, error) {
	var done Rotation
	by := access.System("key rotation")
	pass := func(n *int64, one func(after string) (int, string, error)) error {
		for after := ""; ; {
			changed, last, err := one(after)
			*n += int64(changed)
			if err != nil || last == "" {
				return err
			}
			after = last
			say(done)
		}
	}
	if err := a.DB.ResealSettings(ctx, by); err != nil {
		return done, err
	}
	if err := pass(&done.Applications, func(after string) (int, string, error) { return a.DB.ResealApplications(ctx, by, after, piece) }); err != nil {
		return done, err
	}
	if err := pass(&done.Lines, func(after string) (int, string, error) { return a.DB.ResealLines(ctx, by, after, piece) }); err != nil {
		return done, err
	}
	if err := pass(&done.Files, func(after string) (int, string, error) { return a.resealAnswers(ctx, by, after) }); err != nil {
		return done, err
	}
	left, err := a.DB.SealedBefore(ctx)
	if err != nil {
		return done, err
	}
	done.Left = left
	if left > 0 {
		return done, fmt.Errorf("app: %d values came under the old key meanwhile; stop every server and run it again", left)
	}
	return done, a.DB.Write(ctx, by, func(tx *store.Tx) error {
		return tx.Record(store.Event{Action: "rotate", Entity: "account_key", EntityID: "account_key"}, nil,
			map[string]int64{"applications": done.Applications, "lines": done.Lines, "files": done.Files})
	})
}

// resealAnswers seals the files of the next answers again and takes away the
// bytes of before, unless something else points at them.
func (a *App) resealAnswers(ctx context.Context, by access.Actor, after string) (changed int, last string, err error) {
	answers, err := a.DB.AnswersAfter(ctx, after, 50)
	if err != nil {
		return 0, "", err
	}
	for _, answer := range answers {
		again, err := a.resealAnswer(ctx, by, answer)
		if err != nil {
			return changed, "", err
		}
		if again {
			changed++
		}
		last = answer.ID
	}
	return changed, last, nil
}

func (a *App) resealAnswer(ctx context.Context, by access.Actor, answer ledger.Answer) (bool, error) {
	lies := answer.FileSHA256
	if answer.FileBlob != "" {
		lies = answer.FileBlob
		sealed, err := a.Blobs.Open(lies)
		if err != nil || a.DB.Ring().CurrentBytes(sealed) {
			return false, err
		}
	}
	content, err := a.answerContent(answer)
	if err != nil {
		return false, err
	}
	sealed := a.DB.Ring().SealBytes(content, answerPlace(answer.ID))
	blob, _, err := a.Blobs.Put(bytes.NewReader(sealed), int64(len(sealed)))
	if err != nil {
		return false, err
	}
	if err := a.DB.Write(ctx, by, func(tx *store.Tx) error { return tx.MoveAnswerFile(answer, blob) }); err != nil {
		return false, err
	}
	used, err := a.DB.FileDigests(ctx)
	if err != nil {
		return false, err
	}
	for _, sum := range used {
		if sum == lies {
			return true, nil
		}
	}
	return true, a.Blobs.Remove(lies)
}
