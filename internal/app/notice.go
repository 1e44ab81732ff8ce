package app

import (
	"context"
	"fmt"
	"strings"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/store"
	"phaseout/internal/subsidy"
)

// PublishNotice puts approved applications of a program on a public list for
// the working days that the program wants: the named ones, or all of them. The
// day of publication counts if it is a working day.
func (a *App) PublishNotice(ctx context.Context, by access.Actor, programID string, ids []string, contact string) (subsidy.PublicNotice, error) {
	return writeMoney(ctx, a, by, func(tx *store.Tx) (subsidy.PublicNotice, error) {
		p, err := tx.Program(programID)
		if err != nil {
			return subsidy.PublicNotice{}, err
		}
		if p.NoticeDays == 0 {
			return subsidy.PublicNotice{}, fault.New(fault.Conflict, "no_notice", bilingual.T("该方案不需要公示", "this program has no public notice"))
		}
		if strings.TrimSpace(contact) == "" {
			return subsidy.PublicNotice{}, fault.Field("body.contact", "required", bilingual.T("缺少异议受理电话", "who takes objections is missing"), bilingual.Text{})
		}
		list, err := a.toPublish(tx, programID, ids)
		if err != nil {
			return subsidy.PublicNotice{}, err
		}
		calendar, err := tx.Calendar()
		if err != nil {
			return subsidy.PublicNotice{}, err
		}
		today := civil.On(tx.At)
		last, err := calendar.Last(today, p.NoticeDays)
		if err != nil {
			return subsidy.PublicNotice{}, err
		}
		prefix := fmt.Sprintf("GS-%s-%s-", p.CityCode, today.Month())
		number, err := tx.NextNoticeNumber(prefix)
		if err != nil {
			return subsidy.PublicNotice{}, err
		}
		n := subsidy.PublicNotice{ID: newID(), CityCode: p.CityCode, Number: fmt.Sprintf("%s%03d", prefix, number), ProgramID: p.ID, ProgramName: p.Name,
			FromOn: today, UntilOn: last, Days: p.NoticeDays, Contact: contact, LineCount: int64(len(list))}
		for i, application := range list {
			r, err := tx.Retirement(application.RetirementID)
			if err != nil {
				return n, err
			}
			n.Lines = append(n.Lines, subsidy.NoticeLine{LineNo: int64(i + 1), ApplicationID: application.ID, AssetLabel: application.AssetLabel, Class: application.Class,
				OwnerMasked: subsidy.MaskName(application.OwnerName, application.ApplicantKind), RetiredOn: r.DeregisteredOn, AmountFen: application.AmountFen})
			n.TotalFen += application.AmountFen
		}
		if err := tx.CreateNotice(&n); err != nil {
			return n, err
		}
		for _, before := range list {
			after, err := before.Move(subsidy.Notice)
			if err != nil {
				return n, err
			}
			after.NoticeID, after.NoticedUntil = n.ID, last
			if err := tx.UpdateApplication(before, &after, string(subsidy.Notice), ""); err != nil {
				return n, err
			}
		}
		return n, nil
	})
}

func (a *App) toPublish(tx *store.Tx, programID string, ids []string) ([]subsidy.Application, error) {
	f := store.ApplicationFilter{ProgramID: programID, State: subsidy.Approved, Oldest: true}
	if len(ids) > 0 {
		f.IDs = ids
	}
	list, err := tx.Applications(f, store.Page{Limit: 2000})
	if err != nil {
		return nil, err
	}
	if len(ids) > 0 && len(list) != len(ids) {
		return nil, fault.Field("body.application_ids", "wrong_state", bilingual.F("所选 %d 条中只有 %d 条已批准、待公示", "of the %d chosen only %d are approved and not yet published", len(ids), len(list)),
			bilingual.T("刷新列表后重新选择", "reload the list and choose again"))
	}
	if len(list) == 0 {
		return nil, fault.New(fault.Conflict, "nothing_to_publish", bilingual.T("没有已批准、待公示的申请", "no approved application waits for a notice"))
	}
	return list, nil
}

// Object records what somebody has against a line of a running notice. It
// stops that line only.
func (a *App) Object(ctx context.Context, by access.Actor, noticeID, applicationID, raisedBy, text string) (subsidy.Objection, error) {
	return writeMoney(ctx, a, by, func(tx *store.Tx) (subsidy.Objection, error) {
		n, err := tx.Notice(noticeID)
		if err != nil {
			return subsidy.Objection{}, err
		}
		application, err := tx.Application(applicationID)
		if err != nil {
			return subsidy.Objection{}, err
		}
		if application.NoticeID != n.ID {
			return subsidy.Objection{}, fault.Field("body.application_id", "unknown_value", bilingual.T("该申请不在此公示中", "the application is not on this notice"), bilingual.Text{})
		}
		if application.State != subsidy.Noticed {
			return subsidy.Objection{}, fault.New(fault.Conflict, "wrong_state", bilingual.T("公示已结束，不能再登记异议", "the notice of this line is over")).
				WithMend("支付前可直接退回或不予批准；支付后请走追回程序", "before it is paid reject it; after that ask for the money back")
		}
		o := subsidy.Objection{ID: newID(), ApplicationID: application.ID, NoticeID: n.ID, CityCode: application.CityCode, DistrictCode: application.DistrictCode,
			AssetLabel: application.AssetLabel, RaisedBy: strings.TrimSpace(raisedBy), Text: strings.TrimSpace(text)}
		return o, tx.CreateObjection(&o, application.AssetID)
	})
}

// ResolveObjection settles an objection. Who recorded it cannot; upheld, it
// ends the application.
func (a *App) ResolveObjection(ctx context.Context, by access.Actor, id string, version int64, upheld bool, resolution string) (subsidy.Objection, error) {
	return writeMoney(ctx, a, by, func(tx *store.Tx) (subsidy.Objection, error) {
		before, err := tx.Objection(id)
		if err != nil {
			return before, err
		}
		if before.Version != version {
			return before, staleSince(version, before.Version)
		}
		if before.State != "open" {
			return before, fault.New(fault.Conflict, "wrong_state", bilingual.T("该异议已处理", "the objection is settled already"))
		}
		if before.RecordedBy == by.ID {
			return before, fault.New(fault.Denied, "four_eyes", bilingual.T("登记异议的人不能处理该异议", "who recorded an objection cannot settle it")).
				WithMend("请由另一名财务人员处理", "ask another finance officer")
		}
		if strings.TrimSpace(resolution) == "" {
			return before, fault.Field("body.resolution", "required", bilingual.T("请填写处理结果", "say how it was settled"), bilingual.Text{})
		}
		application, err := tx.Application(before.ApplicationID)
		if err != nil {
			return before, err
		}
		after := before
		after.State, after.Resolution, after.ResolvedBy, after.ResolvedByName, after.ResolvedAt = "dismissed", strings.TrimSpace(resolution), by.ID, by.Name, &tx.At
		if upheld {
			after.State = "upheld"
		}
		if err := tx.ResolveObjection(before, &after); err != nil {
			return before, err
		}
		if !upheld {
			_, err = a.release(tx, application)
			return after, err
		}
		rejected, err := application.Move(subsidy.Reject)
		if err != nil {
			return before, err
		}
		rejected.RejectCode, rejected.RejectReason, rejected.DecidedAt = "objection", after.Resolution, &tx.At
		if err := free(tx, &rejected); err != nil {
			return before, err
		}
		if err := tx.UpdateApplication(application, &rejected, string(subsidy.Reject), after.Resolution); err != nil {
			return before, err
		}
		_, err = a.follow(tx, rejected)
		return after, err
	})
}

// SetFlow sets how the applications of a program are worked off.
func (a *App) SetFlow(ctx context.Context, by access.Actor, programID string, version int64, f subsidy.Flow) (subsidy.Flow, error) {
	return write(ctx, a, by, func(tx *store.Tx) (subsidy.Flow, error) {
		p, err := tx.Program(programID)
		if err != nil {
			return f, err
		}
		before, err := tx.Flow(programID)
		if err != nil {
			return f, err
		}
		if before.Version != version {
			return f, staleSince(version, before.Version)
		}
		if wrong := f.Check(); len(wrong) > 0 {
			return f, fault.Fields(wrong)
		}
		f.ProgramID = programID
		return f, tx.SetFlow(p, before, &f)
	})
}

// SetCalendar enters the official holidays of a year.
func (a *App) SetCalendar(ctx context.Context, by access.Actor, version int64, y store.CalendarYear) (store.CalendarYear, error) {
	return write(ctx, a, by, func(tx *store.Tx) (store.CalendarYear, error) {
		var wrong []fault.Detail
		seen := map[civil.Day]bool{}
		for i := range y.Days {
			d := &y.Days[i]
			d.Year = y.Year
			at := fmt.Sprintf("body.days[%d].day", i)
			switch {
			case !d.Day.Valid() || d.Day.Year() != y.Year:
				wrong = append(wrong, fault.Detail{Location: at, Code: "date_invalid", Message: bilingual.F("“%s”不是 %d 年的日期", "%q is not a day of %d", d.Day, y.Year)})
			case seen[d.Day]:
				wrong = append(wrong, fault.Detail{Location: at, Code: "duplicate", Message: bilingual.F("%s 重复", "%s stands there twice", d.Day)})
			case d.Kind == "work" && !d.Day.Weekend():
				wrong = append(wrong, fault.Detail{Location: at, Code: "not_weekend", Message: bilingual.F("%s 本来就是工作日", "%s is a working day anyway", d.Day)})
			}
			seen[d.Day] = true
		}
		if strings.TrimSpace(y.Source) == "" {
			wrong = append(wrong, fault.Detail{Location: "body.source", Code: "required", Message: bilingual.T("缺少文件号", "the number of the document is missing")})
		}
		if len(wrong) > 0 {
			return y, fault.Fields(wrong)
		}
		return y, tx.SetCalendarYear(&y, version)
	})
}
