package app

import (
	"context"
	"slices"
	"strings"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/store"
	"phaseout/internal/yard"
)

// CreateYard registers a yard with its first licence.
func (a *App) CreateYard(ctx context.Context, by access.Actor, y yard.Yard) (store.Yard, error) {
	y = y.Clean()
	details := y.Check()
	if r, known := a.Reference.Region(y.CityCode); !known || r.Level != "city" || !by.Scope.Covers(y.CityCode, "") {
		details = append(details, fault.Detail{Location: "body.city_code", Code: "wrong_city", Message: bilingual.F("“%s”不是您辖区内的市", "%q is not a city of your area", y.CityCode),
			Mend: bilingual.T("请选择本市", "choose your own city")})
	}
	if len(details) > 0 {
		return store.Yard{}, fault.Fields(details)
	}
	return write(ctx, a, by, func(tx *store.Tx) (store.Yard, error) {
		kept := store.Yard{ID: newID(), Yard: y}
		if err := a.notBlacklisted(tx, kept); err != nil {
			return kept, err
		}
		return kept, tx.CreateYard(&kept)
	})
}

// notBlacklisted fails with Invalid if another yard of the same enterprise is on
// the black list today: a new name does not take it off.
func (a *App) notBlacklisted(tx *store.Tx, y store.Yard) error {
	others, err := tx.YardsOfCredit(y.CreditCode, y.ID)
	if err != nil {
		return err
	}
	for _, other := range others {
		if status, block := other.StatusOn(a.Today()); status == yard.Blacklisted {
			return fault.Field("body.credit_code", "yard_blacklisted", bilingual.T("该信用代码的企业（"+other.Name+"）自 "+string(block.From)+" 起被列入失信名单", "the enterprise of this credit code, "+other.Name+", is black-listed from "+string(block.From)+" on"),
				bilingual.T("请核对信用代码；如已移出名单，请先在名录中解除", "check the credit code; if it is off the list, lift it in the register first"))
		}
	}
	return nil
}

// changeYard loads a yard of the version, lets deed change it and returns it
// as it is then.
func (a *App) changeYard(ctx context.Context, by access.Actor, id string, version int64, deed func(*store.Tx, store.Yard) error) (store.Yard, error) {
	return write(ctx, a, by, func(tx *store.Tx) (store.Yard, error) {
		before, err := tx.Yard(id)
		if err != nil {
			return before, err
		}
		if before.Version != version {
			return before, staleSince(version, before.Version)
		}
		if err := deed(tx, before); err != nil {
			return before, err
		}
		return tx.Yard(id)
	})
}

// AmendYard replaces the facts of a yard; its city, licences and blocks stay.
func (a *App) AmendYard(ctx context.Context, by access.Actor, id string, version int64, y yard.Yard) (store.Yard, error) {
	return a.changeYard(ctx, by, id, version, func(tx *store.Tx, before store.Yard) error {
		y.CityCode, y.Licences, y.Blocks = before.CityCode, before.Licences, before.Blocks
		after := before
		after.Yard = y.Clean()
		if details := after.Check(); len(details) > 0 {
			return fault.Fields(details)
		}
		if after.CreditCode != before.CreditCode {
			if err := a.notBlacklisted(tx, after); err != nil {
				return err
			}
		}
		return tx.UpdateYard(before, &after, "update", "")
	})
}

// RenewYard adds a period of licence.
func (a *App) RenewYard(ctx context.Context, by access.Actor, id string, version int64, l yard.Licence) (store.Yard, error) {
	return a.changeYard(ctx, by, id, version, func(tx *store.Tx, before store.Yard) error {
		after := before
		l.ID = ""
		after.Licences = append(slices.Clone(before.Licences), l)
		after.Yard = after.Clean()
		if details := after.Check(); len(details) > 0 {
			return fault.Fields(details)
		}
		return tx.UpdateYard(before, &after, "renew", "")
	})
}

// BlockYard suspends or black-lists a yard from a day on.
func (a *App) BlockYard(ctx context.Context, by access.Actor, id string, version int64, b yard.Block) (store.Yard, error) {
	b.Reason = strings.TrimSpace(b.Reason)
	switch {
	case b.Reason == "":
		return store.Yard{}, fault.Field("body.reason", "required", bilingual.T("必须写明原因", "a reason is needed"), bilingual.T("如处罚决定书文号", "such as the number of the decision"))
	case !b.From.Valid() || (b.To != "" && (!b.To.Valid() || b.To < b.From)):
		return store.Yard{}, fault.Field("body.from", "date_order", bilingual.T("起止日期无效", "the days are not in order"), bilingual.T("按 2025-12-31 的格式填写，止日可留空", "write them as 2025-12-31; the last may be left open"))
	}
	return a.changeYard(ctx, by, id, version, func(tx *store.Tx, before store.Yard) error { return tx.BlockYard(before, b) })
}

// LiftYardBlock ends a suspension or black-listing with its last day.
func (a *App) LiftYardBlock(ctx context.Context, by access.Actor, id string, version int64, blockID string, last civil.Day, reason string) (store.Yard, error) {
	if reason = strings.TrimSpace(reason); reason == "" {
		return store.Yard{}, fault.Field("body.reason", "required", bilingual.T("必须写明原因", "a reason is needed"), bilingual.T("如整改验收文号", "such as the number of the acceptance"))
	}
	return a.changeYard(ctx, by, id, version, func(tx *store.Tx, before store.Yard) error {
		i := slices.IndexFunc(before.Blocks, func(b yard.Block) bool { return b.ID == blockID })
		switch {
		case i < 0:
			return fault.Missing()
		case before.Blocks[i].LiftedBy != "":
			return fault.New(fault.Conflict, "wrong_state", bilingual.T("已经解除", "it is lifted already"))
		case !last.Valid() || last < before.Blocks[i].From:
			return fault.Field("body.last_on", "date_order", bilingual.T("最后一日无效或早于起始日", "the last day is not a day, or before the first"), bilingual.T("按 2025-12-31 的格式填写", "write it as 2025-12-31"))
		}
		return tx.LiftYardBlock(before, before.Blocks[i], last, reason)
	})
}

// YardReport is what the certificates of a yard show when they are laid side by side.
type YardReport struct {
	Certificates int
	Gaps         []yard.Gap
	Bursts       []yard.Burst
}

// YardReport returns the gaps and bursts in the certificates of a yard of the scope.
func (a *App) YardReport(ctx context.Context, scope access.Scope, id string) (YardReport, error) {
	y, err := a.DB.Yard(ctx, scope, id)
	if err != nil {
		return YardReport{}, err
	}
	issued, err := a.DB.IssuedBy(ctx, y)
	if err != nil {
		return YardReport{}, err
	}
	deadlines, err := a.DB.Deadlines(ctx, y.CityCode)
	return YardReport{len(issued), yard.Gaps(issued), yard.Bursts(issued, deadlines)}, err
}

// yardOfAccount fails if a yard's account is bound to no yard of its city.
func yardOfAccount(tx *store.Tx, u store.User) error {
	if u.Role != access.Yard {
		return nil
	}
	y, err := tx.LicensedYard(u.YardID)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	if err != nil || y.CityCode != u.ScopeCode {
		return fault.Field("body.yard_id", "unknown_value", bilingual.T("企业账户必须绑定所在市的一家已登记企业", "a yard's account is bound to a registered yard of its city"),
			bilingual.T("先登记企业，再选择企业和所在市", "register the yard first, then choose it and its city"))
	}
	return nil
}
