package app

import (
	"context"
	"slices"
	"strings"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
	"phaseout/internal/retirement"
	"phaseout/internal/store"
)

// LoggedStep is a dated step as a person logs it. Recycler and CertificateNo are
// what the hand-over brings along; empty ones leave the declaration as it is.
type LoggedStep struct {
	Step          retirement.Deed
	On            civil.Day
	Note          string
	FileIDs       []string
	Recycler      string
	CertificateNo string
}

// LogStep logs the next step of a retirement with its day, person and files. It
// fails with Denied if the role may not log the step, with Conflict
// evidence_missing naming every item that has to be there first, with Invalid if
// the day does not fit.
func (a *App) LogStep(ctx context.Context, by access.Actor, id string, version int64, s LoggedStep) (Case, error) {
	if !retirement.MayLog(by.Role, s.Step) {
		return Case{}, fault.Forbidden()
	}
	return write(ctx, a, by, func(tx *store.Tx) (Case, error) {
		before, err := tx.Retirement(id)
		if err != nil {
			return Case{}, err
		}
		if before.Version != version {
			return Case{}, staleSince(version, before.Version)
		}
		asset, err := tx.Asset(before.AssetID)
		if err != nil {
			return Case{}, err
		}
		files, err := tx.Files(asset.ID)
		if err != nil {
			return Case{}, err
		}
		given := before
		if s.Recycler != "" {
			given.Recycler = s.Recycler
		}
		if s.CertificateNo != "" {
			given.CertificateNo = s.CertificateNo
		}
		if err := stepFits(s, files); err != nil {
			return Case{}, err
		}
		spec, _ := registry.SpecOf(before.Class)
		way, _ := retirement.WayOf(spec, before.WayOut)
		items, _ := a.evidence(given, files)
		after, err := given.Log(way, s.Step, s.On, items)
		if err != nil {
			return Case{}, err
		}
		if after.Declaration, _, err = a.checkDeclaration(tx, after.Declaration, asset, id); err != nil {
			return Case{}, aboutTheStep(err, s.Step)
		}
		return a.settle(tx, asset, &before, &after, string(s.Step), store.StepNote{Step: s.Step, Note: strings.TrimSpace(s.Note), FileIDs: s.FileIDs}, s.Note)
	})
}

// stepFits returns what is wrong with a step in itself.
func stepFits(s LoggedStep, files []store.File) error {
	if s.On == "" {
		return fault.Field("body.on", "required", bilingual.T("缺少日期", "the day is missing"), bilingual.T("填写办理日期", "give the day of the step"))
	}
	for _, id := range s.FileIDs {
		if !slices.ContainsFunc(files, func(f store.File) bool { return f.ID == id }) {
			return fault.Field("body.file_ids", "unknown_value", bilingual.F("附件 %s 不在该记录上", "file %s is not on this record", id), bilingual.T("请先上传到该记录", "upload it to this record first"))
		}
	}
	return nil
}

// aboutTheStep points what is wrong with the day of a step to the field that
// the step was given in.
func aboutTheStep(err error, step retirement.Deed) error {
	f, ok := fault.As(err)
	if !ok {
		return err
	}
	own := map[retirement.Deed]string{retirement.Receive: "body.handed_in_on", retirement.Dismantle: "body.dismantled_on", retirement.Deregister: "body.deregistered_on"}[step]
	for i := range f.Details {
		if f.Details[i].Location == own {
			f.Details[i].Location = "body.on"
		}
	}
	return f
}

// WithdrawRetirement takes a retirement back that is not verified. It stays to
// be read and counts nowhere; the asset is in use again.
func (a *App) WithdrawRetirement(ctx context.Context, by access.Actor, id string, version int64, reason string) (Case, error) {
	return write(ctx, a, by, func(tx *store.Tx) (Case, error) {
		before, err := tx.Retirement(id)
		if err != nil {
			return Case{}, err
		}
		if before.Version != version {
			return Case{}, staleSince(version, before.Version)
		}
		if before.State == retirement.Verified {
			return Case{}, fault.New(fault.Conflict, "verified_locked", bilingual.T("淘汰已核实，不能直接撤销", "the retirement is verified; it cannot be taken back alone")).
				WithMend("请提交撤销申请，由另一人批准", "ask for a withdrawal, which a second person approves")
		}
		return a.withdraw(tx, before, reason)
	})
}

func (a *App) withdraw(tx *store.Tx, before retirement.Retirement, reason string) (Case, error) {
	reason = strings.TrimSpace(reason)
	if reason == "" {
		return Case{}, fault.Field("body.reason", "required", bilingual.T("撤销必须填写原因", "a withdrawal needs a reason"), bilingual.T("写明为何撤销", "say why it is taken back"))
	}
	if err := before.Guard(retirement.Withdraw); err != nil {
		return Case{}, err
	}
	asset, err := tx.Asset(before.AssetID)
	if err != nil {
		return Case{}, err
	}
	after := before.Withdraw(reason, tx.By, tx.At)
	c, err := a.settle(tx, asset, &before, &after, "withdraw", store.StepNote{}, reason)
	if err != nil || before.State != retirement.Verified {
		return c, err
	}
	return c, a.unfitEngine(tx, before, nil, reason)
}
