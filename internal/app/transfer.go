package app

import (
	"context"
	"strings"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
	"phaseout/internal/store"
)

// transferDays is how long the taker has to answer an offer.
const transferDays = 30

// OfferTransfer offers an asset to another city. Until the answer it stays
// where it is and nobody changes it.
func (a *App) OfferTransfer(ctx context.Context, by access.Actor, assetID string, version *int64, toCity, reason string) (store.Transfer, error) {
	reason = strings.TrimSpace(reason)
	return write(ctx, a, by, func(tx *store.Tx) (store.Transfer, error) {
		asset, err := tx.Asset(assetID)
		if err != nil {
			return store.Transfer{}, err
		}
		if version != nil && *version != asset.Version {
			return store.Transfer{}, staleSince(*version, asset.Version)
		}
		if details := a.checkOffer(asset, toCity, reason); len(details) > 0 {
			return store.Transfer{}, fault.Fields(details)
		}
		r, err := retirementOf(tx, assetID)
		if err != nil {
			return store.Transfer{}, err
		}
		if r != nil || asset.Status != registry.InUse {
			return store.Transfer{}, fault.New(fault.Conflict, "not_in_use", bilingual.F("%s 不是在用记录，不能转移", "%s is not in use and cannot be transferred", asset.Label)).
				WithMend("只有在用且未登记淘汰的记录可以转移", "only a record in use without a retirement can be transferred")
		}
		t := store.Transfer{ID: newID(), AssetID: assetID, AssetLabel: asset.Label, Class: asset.Class, FromCity: asset.CityCode, FromDistrict: asset.DistrictCode,
			ToCity: toCity, Reason: reason, DueOn: civil.On(tx.At).AddDays(transferDays)}
		return t, tx.CreateTransfer(&t, asset)
	})
}

func (a *App) checkOffer(asset store.AssetRecord, toCity, reason string) []fault.Detail {
	var details []fault.Detail
	if r, ok := a.Reference.Region(toCity); !ok || r.Level != "city" {
		details = append(details, fault.Detail{Location: "body.to_city", Code: "unknown_value", Message: bilingual.F("“%s”不是六市代码", "%q is not one of the six cities", toCity),
			Mend: bilingual.T("选择转入的城市；转出省外请登记淘汰“转出”", "choose the city that takes it; a move out of the province is a way out of service")})
	} else if toCity == asset.CityCode {
		details = append(details, fault.Detail{Location: "body.to_city", Code: "same_city", Message: bilingual.T("已在该市", "it is in this city already"),
			Mend: bilingual.T("市内调整请直接修改县区", "to move it within the city change its district")})
	}
	if reason == "" {
		details = append(details, fault.Detail{Location: "body.reason", Code: "required", Message: bilingual.T("请填写转移原因", "give the reason"),
			Mend: bilingual.T("如“车辆过户至株洲企业”", "such as: sold to a firm in Zhuzhou")})
	}
	return details
}

// openOffer returns an offer of the version that can still be answered.
func openOffer(tx *store.Tx, id string, version int64) (store.Transfer, error) {
	t, err := tx.Transfer(id)
	if err != nil {
		return t, err
	}
	if t.Version != version {
		return t, staleSince(version, t.Version)
	}
	switch t.State {
	case store.TransferOffered:
		return t, nil
	case store.TransferExpired:
		return t, fault.New(fault.Conflict, "transfer_expired", bilingual.F("转移已于 %s 到期失效", "the offer ran out on %s", t.DueOn)).
			WithMend("请转出方重新发起", "the giver has to offer it again")
	default:
		return t, fault.New(fault.Conflict, "wrong_state", bilingual.T("转移已有结果", "the transfer is settled")).
			WithMend("请刷新后查看最新状态", "reload to see its present state").With("state", t.State)
	}
}

// AnswerTransfer accepts or refuses an offer for the taker. On acceptance the
// asset changes its city in the same transaction.
func (a *App) AnswerTransfer(ctx context.Context, by access.Actor, id string, version int64, accept bool, district, reason string) (store.Transfer, error) {
	reason = strings.TrimSpace(reason)
	return write(ctx, a, by, func(tx *store.Tx) (store.Transfer, error) {
		before, err := openOffer(tx, id, version)
		if err != nil {
			return before, err
		}
		if !by.Scope.Covers(before.ToCity, "") {
			return before, fault.New(fault.Conflict, "not_the_taker", bilingual.T("只能由转入城市答复", "only the city that takes it can answer"))
		}
		after := before
		after.State, after.Answer = store.TransferRefused, reason
		if !accept {
			if reason == "" {
				return before, fault.Field("body.reason", "required", bilingual.T("不接收时必须填写原因", "a refusal needs a reason"), bilingual.T("写明不接收的原因", "say why"))
			}
			return after, tx.AnswerTransfer(before, &after)
		}
		if district != "" {
			if r, ok := a.Reference.Region(district); !ok || r.ParentCode != before.ToCity {
				return before, fault.Field("body.district", "wrong_city", bilingual.F("“%s”不是本市县区", "%q is not a district of the city", district),
					bilingual.T("请选择本市县区", "choose a district of your city"))
			}
		}
		after.State, after.ToDistrict = store.TransferAccepted, district
		if err := tx.AnswerTransfer(before, &after); err != nil {
			return before, err
		}
		_, err = tx.MoveAsset(after)
		return after, err
	})
}

// WithdrawTransfer takes an offer back for the giver.
func (a *App) WithdrawTransfer(ctx context.Context, by access.Actor, id string, version int64, reason string) (store.Transfer, error) {
	return write(ctx, a, by, func(tx *store.Tx) (store.Transfer, error) {
		before, err := openOffer(tx, id, version)
		if err != nil {
			return before, err
		}
		if !by.Scope.Covers(before.FromCity, before.FromDistrict) {
			return before, fault.New(fault.Conflict, "not_the_giver", bilingual.T("只能由转出城市撤回", "only the city that gives it can withdraw"))
		}
		after := before
		after.State, after.Answer = store.TransferWithdrawn, strings.TrimSpace(reason)
		return after, tx.AnswerTransfer(before, &after)
	})
}

// changeable returns those of the assets that the actor may change by an
// import or its undoing, by id: none that is offered to another city.
func (a *App) changeable(tx *store.Tx, ids []string) (map[string]store.AssetRecord, error) {
	records, err := tx.AssetsByID(ids)
	if err != nil {
		return nil, err
	}
	offered, err := tx.Offered(ids...)
	if err != nil {
		return nil, err
	}
	for id := range offered {
		delete(records, id)
	}
	return records, nil
}
