package app

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"

	"phaseout/internal/backup"
	"phaseout/internal/fault"
)

// TestBackupFaultsAreNamed proves F88: a full disk is told from a folder that
// takes nothing and from a backup under way.
func TestBackupFaultsAreNamed(t *testing.T) {
	for code, err := range map[string]error{
		"backup_disk_full": fmt.Errorf("write: %w", syscall.ENOSPC), "backup_unwritable": fmt.Errorf("open: %w", fs.ErrPermission),
		"backup_busy": fmt.Errorf("lock: %w", backup.ErrBusy), "backup_damaged": errors.Join(backup.Damage{Part: "phaseout.db", What: "was changed"}),
		"backup_no_tool": fmt.Errorf("pg_dump: %w", backup.ErrNoTool),
	} {
		if f, ok := fault.As(backupFault("/backups", err)); !ok || f.Code != code || f.Mend.ZH == "" || f.Mend.EN == "" {
			t.Errorf("%s: %v", code, f)
		}
	}
}
