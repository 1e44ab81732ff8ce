package app

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"phaseout/internal/bilingual"
	"phaseout/internal/ledger"
)

// TestApprovalSheetIsLaidOut proves F51: the sheet that is signed has lines,
// sum in figures and capitals, digest and fields for signatures, as the golden
// file says. UPDATE_GOLDEN=1 writes it anew.
func TestApprovalSheetIsLaidOut(t *testing.T) {
	b := ledger.Batch{Number: "430100-2026-01-001", ProgramName: bilingual.T("长沙市老旧柴油货车淘汰补贴", "x"), LineCount: 2, TotalFen: 61_000_00, OffsetFen: 9_000_00,
		SHA256: strings.Repeat("ab", 32), CreatedByName: "张三", CreatedAt: time.Date(2026, 1, 15, 1, 30, 0, 0, time.UTC)}
	lines := []ledger.BatchLine{
		{LineNo: 1, AssetLabel: "湘A00001", PayeeName: "示例运输有限公司", PayeeAccount: "4301000012345678", PayeeBank: "示例银行", AmountFen: 35_000_00},
		{LineNo: 2, AssetLabel: "湘A00002", PayeeName: "李四", PayeeAccount: "6200000000000000019", PayeeBank: "示例银行", AmountFen: 26_000_00, OffsetFen: 9_000_00},
	}
	table, rows := approvalSheet(b, "长沙市", func(yield func(ledger.BatchLine, error) bool) {
		for _, l := range lines {
			if !yield(l, nil) {
				return
			}
		}
	})
	var text strings.Builder
	text.WriteString(table.Title + "\n" + strings.Join(table.Notes, "\n") + "\n")
	for _, h := range table.Head {
		text.WriteString(h.Title + " | ")
	}
	for row := range rows {
		text.WriteString("\n")
		for _, cell := range row {
			text.WriteString(fmt.Sprint(cell) + " | ")
		}
	}
	got := text.String() + "\n"
	path := filepath.Join("testdata", "approval-sheet.golden")
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || string(want) != got {
		t.Errorf("the sheet is not as the golden file says (%v):\n%s", err, got)
	}
}
