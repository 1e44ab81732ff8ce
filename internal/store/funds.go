package store

import (
	"phaseout/internal/bilingual"
	"phaseout/internal/fault"
	"phaseout/internal/subsidy"
)

// Until the ledger stands behind it, the money of an application is the guarded
// budget of its program.

// ReserveFunds keeps the amount of an application for it. It fails with
// Conflict budget_exhausted if the budget does not cover it.
func (tx *Tx) ReserveFunds(a subsidy.Application) error {
	res := tx.db.Exec("UPDATE programs SET committed_fen = committed_fen + ?, version = version + 1 WHERE id = ? AND committed_fen + ? <= budget_fen",
		a.AmountFen, a.ProgramID, a.AmountFen)
	return affect(res, fault.New(fault.Conflict, "budget_exhausted", bilingual.F("预算余额不足，需 %s 元", "the budget does not cover %s yuan", a.AmountFen.Yuan())).
		WithMend("请先追加预算，或等待资金释放", "raise the budget first, or wait until money is freed"))
}

// CommitFunds promises what is reserved for an application.
func (tx *Tx) CommitFunds(subsidy.Application) error { return nil }

// ReleaseFunds frees what is reserved for, or promised to, an application.
func (tx *Tx) ReleaseFunds(a subsidy.Application) error {
	res := tx.db.Exec("UPDATE programs SET committed_fen = committed_fen - ?, version = version + 1 WHERE id = ? AND committed_fen - ? >= paid_fen",
		a.AmountFen, a.ProgramID, a.AmountFen)
	return affect(res, fault.New(fault.Conflict, "not_committed", bilingual.T("没有可释放的资金", "there is no money to free")))
}
