package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"phaseout/internal/backup"
	"phaseout/internal/bilingual"
	"phaseout/internal/fault"
	"phaseout/internal/store"
)

// Upkeep is the settings of what keeps the system itself well.
type Upkeep struct {
	Scheduled bool          // backups, trials of restoring and checks by the clock
	At        time.Duration // of a day in Asia/Shanghai, from midnight
	Keep      int           // backups that stay
	Dir       string        // folder of the backups
	Files     string        // folder of the stored files
	Database  string        // URL, for the tools of PostgreSQL
	Version   string        // of the program
}

// Made is a backup that was made and verified.
type Made struct {
	Dir      string
	Manifest backup.Manifest
}

// progress is told how far something is.
type progress func(done, total int64)

// tries is how often a backup starts anew because a stored file went away
// between the copy of the database and its own.
const tries = 3

// MakeBackup makes a backup in a folder of backups, reads every byte of it again,
// and, if keep is over 0, then removes the oldest beyond that many. What a
// stopped program left half-made there is removed first.
func (a *App) MakeBackup(ctx context.Context, place string, keep int, seen progress) (Made, error) {
	release, err := backup.Lock(place)
	if err != nil {
		return Made{}, backupFault(place, err)
	}
	defer release()
	if err := backup.Clean(place); err != nil {
		return Made{}, backupFault(place, err)
	}
	if err := a.room(ctx, place); err != nil {
		return Made{}, err
	}
	var made Made
	for try := 1; ; try++ {
		made, err = a.draftBackup(ctx, place, seen)
		if err == nil || !errors.Is(err, errFileWent) || try == tries {
			break
		}
	}
	if err != nil {
		return made, backupFault(place, err)
	}
	if _, err := backup.Verify(ctx, made.Dir, second(seen)); err != nil {
		return made, backupFault(place, errors.Join(err, backup.Drop(made.Dir)))
	}
	if keep > 0 {
		if _, err := backup.Prune(place, keep); err != nil {
			return made, backupFault(place, err)
		}
	}
	return made, nil
}

// first and second are the two halves of making a backup: writing and reading.
func first(seen progress) progress {
	return func(done, total int64) { seen(done, 2*total) }
}

func second(seen progress) progress {
	return func(done, total int64) { seen(total+done, 2*total) }
}

// room fails before anything is written if the copy of the database alone would
// fill the disk.
func (a *App) room(ctx context.Context, place string) error {
	need, err := a.DB.Size(ctx)
	if err != nil {
		return err
	}
	if free, _, err := backup.Free(place); err == nil && free < need {
		return backupFault(place, fmt.Errorf("%d MiB are free, the database has %d MiB: %w", free>>20, need>>20, syscall.ENOSPC))
	}
	return nil
}

var errFileWent = errors.New("a stored file went away meanwhile")

// draftBackup writes a backup and gives it its name, or leaves nothing.
func (a *App) draftBackup(ctx context.Context, place string, seen progress) (made Made, err error) {
	d, err := backup.Begin(place, a.DB.Now())
	if err != nil {
		return made, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Discard())
		}
	}()
	m := backup.Manifest{Program: a.Upkeep.Version, Engine: string(a.DB.Engine()), At: a.DB.Now()}
	c, err := a.copyDatabase(ctx, d, m.Database())
	if err != nil {
		return made, err
	}
	m.Schema, m.AuditSeq, m.AuditHash = c.Schema, c.Audit.Seq, c.Audit.Hash
	for i, sum := range c.Files {
		if err := ctx.Err(); err != nil {
			return made, err
		}
		if err := d.Take(a.Upkeep.Files, sum); err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				err = errors.Join(errFileWent, err)
			}
			return made, err
		}
		first(seen)(int64(i+1), int64(len(c.Files)))
	}
	made.Dir, made.Manifest, err = d.Finish(m)
	return made, err
}

func (a *App) copyDatabase(ctx context.Context, d *backup.Draft, part string) (c store.Contents, err error) {
	if a.DB.Engine() == store.Postgres {
		err = a.DB.Export(ctx, func(snapshot string, of store.Contents) error {
			c = of
			return backup.Dump(ctx, a.Upkeep.Database, snapshot, d.Path(part))
		})
	} else if err = a.DB.Snapshot(ctx, d.Path(part)); err == nil {
		c, err = store.ReadSnapshot(ctx, d.Path(part))
	}
	if err != nil {
		return c, err
	}
	return c, d.Add(part)
}

// backupFault says what a person can do about a backup that failed.
func backupFault(place string, err error) error {
	f := func(code string, message bilingual.Text, zh, en string) error {
		return fault.New(fault.Unavailable, code, message).WithMend(zh, en)
	}
	var damage backup.Damage
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, backup.ErrBusy):
		return f("backup_busy", bilingual.F("%s 中已有备份正在进行", "another backup is under way in %s", place), "请等待其完成后再试", "wait for its end, then try again")
	case errors.Is(err, syscall.ENOSPC):
		return f("backup_disk_full", bilingual.F("磁盘空间不足，无法备份到 %s", "the disk of %s is full", place), "请清理磁盘，或用 --backup-dir 指定另一块磁盘；未完成的部分已删除，原有备份不受影响",
			"free some space, or name another disk with --backup-dir; nothing half-made is left, earlier backups are untouched")
	case errors.Is(err, backup.ErrNoTool):
		return f("backup_no_tool", bilingual.T("未找到 pg_dump / pg_restore", "pg_dump or pg_restore was not found"), "请在服务器上安装与数据库版本相同的 PostgreSQL 客户端工具", "install PostgreSQL's client tools of the server's version (Debian: postgresql-client)")
	case errors.As(err, &damage):
		return f("backup_damaged", bilingual.F("备份已损坏：%v", "the backup is damaged: %v", err), "请检查磁盘；改用较早的备份", "look after the disk; use an earlier backup")
	case errors.Is(err, fs.ErrNotExist):
		return f("backup_file_lost", bilingual.F("登记的文件缺失，无法备份：%v", "a stored file is lost: %v", err), "请运行 phaseout check files，并从较早的备份取回该文件", "run \"phaseout check files\" and bring the file back from an earlier backup")
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EROFS):
		return f("backup_unwritable", bilingual.F("无法写入 %s：%v", "%s cannot be written to: %v", place, err), "请检查该目录及其权限，或用 --backup-dir 指定另一目录", "look after the folder and its permissions, or name another with --backup-dir")
	}
	return err
}

// Drill restores the newest backup into a folder that is thrown away and checks
// what came out. On PostgreSQL, where that would need a second database, the
// dump is read to its end instead.
func (a *App) Drill(ctx context.Context, seen progress) (Made, error) {
	place := a.Upkeep.Dir
	release, err := backup.Lock(place)
	if err != nil {
		return Made{}, backupFault(place, err)
	}
	defer release()
	entries, err := backup.List(place)
	if err != nil {
		return Made{}, backupFault(place, err)
	}
	if len(entries) == 0 {
		return Made{}, fault.New(fault.Conflict, "backup_none", bilingual.F("%s 中没有备份", "there is no backup in %s", place)).WithMend("请先备份", "make a backup first")
	}
	made := Made{entries[0].Dir, entries[0].Manifest}
	temp, err := os.MkdirTemp(place, ".making-drill-")
	if err != nil {
		return made, backupFault(place, err)
	}
	defer func() { _ = os.RemoveAll(temp) }()
	_, err = backup.Restore(ctx, made.Dir, filepath.Join(temp, "data"), true, seen, func(at string, m backup.Manifest) error {
		return a.checkCopy(ctx, at, m)
	})
	return made, backupFault(place, err)
}

// checkCopy checks what was restored below a folder, before it is used.
func (a *App) checkCopy(ctx context.Context, at string, m backup.Manifest) error {
	if m.Engine == string(store.Postgres) {
		return backup.ReadDump(ctx, filepath.Join(at, backup.DumpPart))
	}
	db, err := store.Open(ctx, "sqlite:"+filepath.Join(at, backup.SQLitePart), a.DB.Now)
	if err != nil {
		return err
	}
	err = db.UseRing(ctx, a.DB.Ring()) // the key of today opens it
	if err == nil {
		err = CheckRestored(ctx, db, filepath.Join(at, "files"), m)
	}
	if err = errors.Join(err, db.Close()); err != nil {
		return checkFault(err)
	}
	return nil
}

// CheckRestored verifies a database that came out of a backup: its structure,
// the audit chain up to where the backup was made, every file that it points at,
// roll-ups, ledger and money. Of an older schema only what needs no migration is
// verified, and without the key nothing that is sealed.
func CheckRestored(ctx context.Context, db *store.DB, files string, m backup.Manifest) error {
	if err := db.VerifyDatabase(ctx); err != nil {
		return err
	}
	n, err := db.VerifyChain(ctx)
	if err != nil {
		return err
	}
	if head, err := db.AuditMark(ctx); err != nil || n != m.AuditSeq || head.Hash != m.AuditHash {
		return errors.Join(fmt.Errorf("the audit ends at %s, the backup says %s", head, m.Mark()), err)
	}
	blobs, err := store.OpenBlobs(files)
	if err != nil {
		return err
	}
	defer func() { _ = blobs.Close() }()
	sums, err := db.FileDigests(ctx)
	if err != nil {
		return err
	}
	for _, sum := range sums {
		if _, err := blobs.Open(sum); err != nil {
			return fmt.Errorf("file %s: %w", sum, err)
		}
	}
	have, want, err := db.Schema(ctx)
	if err != nil || have != want {
		return err
	}
	if _, err := db.VerifySummary(ctx); err != nil {
		return err
	}
	if _, err := db.VerifyLedger(ctx); err != nil || db.Ring() == nil {
		return err
	}
	_, err = db.VerifyBatches(ctx)
	return err
}

func checkFault(err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	return fault.New(fault.Conflict, "check_failed", bilingual.F("校验未通过：%v", "the check found a doubt: %v", err)).
		WithMend("请停止录入，保留现场，运行 phaseout check，并按运维手册从最近的完好备份恢复", "stop entering, keep everything as it is, run \"phaseout check\", and restore the newest whole backup as the operations page says")
}
