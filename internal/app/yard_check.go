package app

import (
	"strings"

	"phaseout/internal/bilingual"
	"phaseout/internal/fault"
	"phaseout/internal/retirement"
	"phaseout/internal/store"
	"phaseout/internal/yard"
)

// checkYard finds the yard that a declaration names and returns the
// declaration bound to it, and why it cannot be taken: a yard that is not in
// the register once the register of the city has one, a day outside its
// licence, a suspension, a number that is not of its form.
func (a *App) checkYard(tx *store.Tx, d retirement.Declaration, asset store.AssetRecord) (retirement.Declaration, []fault.Detail, error) {
	if d.YardID == "" && d.Recycler == "" {
		errs, _ := yard.CheckNumber(nil, d.CertificateNo)
		return d, errs, nil
	}
	found, err := namedYard(tx, d)
	switch {
	case fault.Is(err, fault.NotFound) && d.YardID != "":
		return d, []fault.Detail{{Location: "body.yard_id", Code: "unknown_value", Message: bilingual.T("没有这家企业", "there is no such yard"),
			Mend: bilingual.T("请从企业名录中选择", "choose one of the register")}}, nil
	case fault.Is(err, fault.NotFound):
		wrong, err := a.unknownYard(tx, d, asset.CityCode)
		errs, _ := yard.CheckNumber(nil, d.CertificateNo)
		return d, append(wrong, errs...), err
	case err != nil:
		return d, nil, err
	}
	d.YardID, d.Recycler = found.ID, found.Name
	on := d.HandedInOn
	if on == "" {
		on = a.Today()
	}
	errs, _ := yard.CheckNumber(&found.Yard, d.CertificateNo)
	return d, append(found.Takes(asset.Class, on), errs...), nil
}

func namedYard(tx *store.Tx, d retirement.Declaration) (store.Yard, error) {
	if d.YardID != "" {
		return tx.LicensedYard(d.YardID)
	}
	return tx.YardNamed(d.Recycler)
}

// unknownYard refuses a recycler that is not in the register, with the names
// that are nearest, unless the city has not begun its register.
func (a *App) unknownYard(tx *store.Tx, d retirement.Declaration, city string) ([]fault.Detail, error) {
	names, err := tx.YardNames(city)
	if err != nil || len(names) == 0 {
		return nil, err
	}
	mend := bilingual.T("请填写名录中的企业全称，或先登记该企业", "give the full name of one of the register, or register it first")
	if near := yard.Nearest(names, d.Recycler, 3); len(near) > 0 {
		mend = bilingual.T("是否为："+strings.Join(near, "、"), "is it one of these: "+strings.Join(near, ", "))
	}
	return []fault.Detail{{Location: "body.recycler", Code: "unknown_yard", Value: d.Recycler,
		Message: bilingual.F("“%s”不在回收企业名录中", "%q is not in the register of yards", d.Recycler), Mend: mend}}, nil
}
