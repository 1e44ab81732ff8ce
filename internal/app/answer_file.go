package app

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/fault"
	"phaseout/internal/ledger"
	"phaseout/internal/store"
)

// readAnswer returns a file of the bank and its SHA-256. It stays in memory
// until it is accepted: it names accounts, so that nothing of it lies unsealed.
// Over the limit, in bytes, it fails with TooLarge.
func readAnswer(data io.Reader, limit int64) (content []byte, sum string, err error) {
	content, err = io.ReadAll(io.LimitReader(data, limit+1))
	if err != nil {
		return nil, "", fault.Field("body.file", "unreadable", bilingual.T("文件没有传完整", "the upload broke off"), bilingual.T("请重新上传", "send it again"))
	}
	if int64(len(content)) > limit {
		return nil, "", store.TooLarge(limit)
	}
	digest := sha256.Sum256(content)
	return content, hex.EncodeToString(digest[:]), nil
}

// answerPlace binds sealed bytes to the answer that they are the file of.
func answerPlace(id string) string { return "bank_answers/" + id + "/file" }

// keepAnswer stores the sealed bytes of an answer's file and returns their name.
func (a *App) keepAnswer(answer ledger.Answer, content []byte) (string, error) {
	sealed := a.DB.Ring().SealBytes(content, answerPlace(answer.ID))
	blob, _, err := a.Blobs.Put(bytes.NewReader(sealed), int64(len(sealed)))
	return blob, err
}

// answerContent returns the file of an answer as it came.
func (a *App) answerContent(answer ledger.Answer) ([]byte, error) {
	if answer.FileBlob == "" {
		return a.Blobs.Open(answer.FileSHA256)
	}
	sealed, err := a.Blobs.Open(answer.FileBlob)
	if err != nil {
		return nil, err
	}
	content, err := a.DB.Ring().OpenBytes(sealed, answerPlace(answer.ID))
	if err != nil {
		return nil, fmt.Errorf("app: file of answer %s: %w", answer.ID, err)
	}
	if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != answer.FileSHA256 {
		return nil, fmt.Errorf("app: file of answer %s is not the one that was booked", answer.ID)
	}
	return content, nil
}

// AnswerFile returns the file of a bank's answer as it came, with whole account
// numbers. Who took it stands in the audit.
func (a *App) AnswerFile(ctx context.Context, by access.Actor, id string) (answer ledger.Answer, content []byte, err error) {
	if answer, err = a.DB.Answer(ctx, by.Scope, id); err != nil {
		return answer, nil, err
	}
	if content, err = a.answerContent(answer); err != nil {
		return answer, nil, err
	}
	err = a.DB.Write(ctx, by, func(tx *store.Tx) error {
		return tx.Record(store.Event{Action: "export", Entity: "bank_answer", EntityID: answer.ID, CityCode: answer.CityCode}, nil,
			map[string]string{"file": answer.FileName, "sha256": answer.FileSHA256})
	})
	return answer, content, err
}
