package app

import (
	"context"
	"slices"
	"strings"

	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
	"phaseout/internal/retirement"
	"phaseout/internal/store"
	"phaseout/internal/yard"
)

// checkYard finds the yard that a declaration names and returns the
// declaration bound to it, and why it cannot be taken: a yard that is not in
// the register once the register of the city has one, a day outside its
// licence, a suspension, a number that is not of its form. Doubts about the
// number refuse nothing.
func (a *App) checkYard(tx *store.Tx, d retirement.Declaration, asset store.AssetRecord) (bound retirement.Declaration, wrong, doubts []fault.Detail, err error) {
	if d.YardID == "" && d.Recycler == "" {
		wrong, doubts = yard.CheckNumber(nil, d.CertificateNo)
		return d, wrong, doubts, nil
	}
	found, err := namedYard(tx, d)
	switch {
	case fault.Is(err, fault.NotFound) && d.YardID != "":
		return d, []fault.Detail{{Location: "body.yard_id", Code: "unknown_value", Message: bilingual.T("没有这家企业", "there is no such yard"),
			Mend: bilingual.T("请从企业名录中选择", "choose one of the register")}}, nil, nil
	case fault.Is(err, fault.NotFound):
		unknown, err := a.unknownYard(tx, d, asset.CityCode)
		wrong, doubts = yard.CheckNumber(nil, d.CertificateNo)
		return d, append(unknown, wrong...), doubts, err
	case err != nil:
		return d, nil, nil, err
	}
	d.YardID, d.Recycler = found.ID, found.Name
	wrong, doubts = yard.CheckNumber(&found.Yard, d.CertificateNo)
	if on := a.handedIn(d); on.Valid() { // a day that is none is named as such already
		wrong = append(found.Takes(asset.Class, on), wrong...)
	}
	return d, wrong, doubts, nil
}

// handedIn is the day on which a yard has to be licensed for a declaration:
// that of the hand-over, or today as long as there was none.
func (a *App) handedIn(d retirement.Declaration) civil.Day {
	if d.HandedInOn == "" {
		return a.Today()
	}
	return d.HandedInOn
}

// Certificate is a certificate as somebody is entering it. Only its number has
// to be there.
type Certificate struct {
	Number   string
	Recycler string
	Class    registry.Class
	On       civil.Day // of the hand-over
}

// CheckCertificate returns what a declaration with the certificate would be
// refused for, and what is only odd about its number. It writes nothing.
func (a *App) CheckCertificate(ctx context.Context, c Certificate) (wrong, doubts []fault.Detail, err error) {
	d := retirement.Declaration{CertificateNo: c.Number, Recycler: c.Recycler, HandedInOn: c.On}.Clean()
	if d.Recycler == "" {
		wrong, doubts = yard.CheckNumber(nil, d.CertificateNo)
		return wrong, doubts, nil
	}
	found, err := a.DB.YardNamed(ctx, d.Recycler)
	if fault.Is(err, fault.NotFound) { // whether it had to be in the register is for the declaration to say
		wrong, doubts = yard.CheckNumber(nil, d.CertificateNo)
		return wrong, doubts, nil
	}
	if err != nil {
		return nil, nil, err
	}
	wrong, doubts = yard.CheckNumber(&found.Yard, d.CertificateNo)
	if on := a.handedIn(d); c.Class != "" && on.Valid() {
		wrong = append(found.Takes(c.Class, on), wrong...)
	}
	return wrong, doubts, nil
}

// noteDoubts adds to cases what is odd about the numbers of their certificates.
// A form that was set down after a certificate was logged makes a doubt of what
// would be refused now.
func (a *App) noteDoubts(ctx context.Context, cases []Case) error {
	var ids []string
	for _, c := range cases {
		if c.YardID != "" && c.CertificateNo != "" {
			ids = append(ids, c.YardID)
		}
	}
	forms, err := a.DB.CertificateForms(ctx, ids)
	if err != nil {
		return err
	}
	for i, c := range cases {
		var issuer *yard.Yard
		if form, known := forms[c.YardID]; known {
			issuer = &form
		}
		wrong, doubts := yard.CheckNumber(issuer, c.CertificateNo)
		cases[i].Doubts = slices.Concat(wrong, doubts)
	}
	return nil
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
