package app_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"phaseout/internal/access"
	"phaseout/internal/app"
	"phaseout/internal/app/apptest"
	"phaseout/internal/seal"
	"phaseout/internal/store"
	"phaseout/internal/store/storetest"
)

// TestKeyIsRotatedInOnePass proves F53: everything that is sealed is sealed
// again under a new key, in pieces that may be interrupted; the old key opens
// the rest until then and nothing afterwards; what was told by keyed hashes is
// told still; a file of the bank of before lies sealed in the end.
func TestKeyIsRotatedInOnePass(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		f, ctx := apptest.New(t, url), context.Background()
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		old, fresh := bytes.Repeat([]byte("s"), 32), bytes.Repeat([]byte("t"), 32)
		use := func(keys ...[]byte) *seal.Ring {
			t.Helper()
			ring, err := seal.NewRing(keys...)
			must(err)
			must(f.DB.UseRing(ctx, ring))
			return ring
		}
		hash := use(old).Hash("phone", "1")
		program := payables(f, 3)
		finance, sender := f.Users["finance.changsha"], f.Users["finance4.changsha"]
		made, err := f.MakeBatch(ctx, finance, program, nil)
		must(err)
		sent, err := f.SendBatch(ctx, sender, made.ID, made.Version)
		must(err)
		accounts := func() (all []string) {
			t.Helper()
			lines, err := f.DB.BatchLines(ctx, sent, "", store.Page{Limit: 10})
			must(err)
			for _, l := range lines {
				a, err := f.DB.Application(ctx, finance.Scope, l.ApplicationID)
				must(err)
				all = append(all, l.PayeeAccount, a.PayeeAccount, a.ApplicantPhone)
			}
			return all
		}
		before := accounts()
		file := func(result string) string {
			return "序号,收款账号,支付状态\n1," + before[0] + "," + result + "\n"
		}
		answers := map[string]string{}
		for _, result := range []string{"成功", "退款"} {
			a, err := f.AnswerBatch(ctx, sender, sent.ID, "a.csv", strings.NewReader(file(result)))
			must(err)
			answers[a.ID] = file(result)
		}
		refused := file("成功") + "2," + before[0] + ",成功\n" // of another payee
		if _, err := f.AnswerBatch(ctx, sender, sent.ID, "a.csv", strings.NewReader(refused)); err == nil {
			t.Error("a changed file is taken")
		}
		lieSealed(t, f, before[0])
		whole := func() {
			t.Helper()
			if got := accounts(); strings.Join(got, " ") != strings.Join(before, " ") {
				t.Errorf("the accounts are %v, want %v", got, before)
			}
			for id, want := range answers {
				if _, got, err := f.AnswerFile(ctx, access.System("test"), id); err != nil || string(got) != want {
					t.Errorf("file of an answer: %q, %v", got, err)
				}
			}
			sound(t, f)
		}
		whole()

		// The first answer lies as a release before this one left it.
		list, err := f.DB.Answers(ctx, finance.Scope, sent.ID, "", "")
		must(err)
		sum, _, err := f.Blobs.Put(strings.NewReader(answers[list[0].ID]), 1<<20)
		must(err)
		must(storetest.Exec(url, "UPDATE bank_answers SET file_blob = '' WHERE id = '"+list[0].ID+"'"))

		use(fresh, old)
		n, last, err := f.DB.ResealApplications(ctx, access.System("test"), "", 2) // and then it is interrupted
		if err != nil || n != 2 || last == "" {
			t.Fatalf("a piece of two: %d %q %v", n, last, err)
		}
		whole()
		done, err := f.RotateKey(ctx, func(app.Rotation) {})
		if err != nil || done.Applications != 1 || done.Lines != 3 || done.Files != 2 || done.Left != 0 {
			t.Errorf("the rest: %+v %v", done, err)
		}
		if done, err := f.RotateKey(ctx, func(app.Rotation) {}); err != nil || done.Applications+done.Lines+done.Files != 0 {
			t.Errorf("once more: %+v %v", done, err)
		}
		if got := use(fresh).Hash("phone", "1"); got != hash {
			t.Error("keyed hashes changed with the key")
		}
		whole()
		lieSealed(t, f, before[0])
		if _, err := f.Blobs.Open(sum); err == nil {
			t.Error("the unsealed file is still there")
		}
		other, err := seal.NewRing(old)
		must(err)
		if f.DB.UseRing(ctx, other) == nil {
			t.Error("the old key still opens something")
		}
	})
}

// lieSealed fails the test if a number can be read in the files as they lie.
func lieSealed(t *testing.T, f *apptest.Fixture, number string) {
	t.Helper()
	err := filepath.WalkDir(f.FilesDir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err == nil && bytes.Contains(data, []byte(number)) {
			sum := sha256.Sum256(data)
			err = fmt.Errorf("%s names an account: %.60s", hex.EncodeToString(sum[:4]), data)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
