package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
	"phaseout/internal/retirement"
	"phaseout/internal/sheet"
	"phaseout/internal/store"
)

// ExportOrder says how a list is to leave the program.
type ExportOrder struct {
	Format string // xlsx or csv
	Lang   bilingual.Lang
	Reveal bool // show owners' numbers and telephones
	Reason string
}

// Exported is what a written export is.
type Exported struct {
	Name  string // of the file
	Count int    // of rows
}

// column is one column of an export: its heading and how a row fills it.
type column[T any] struct {
	head sheet.Head
	text func(*T) string
}

// ExportAssets writes exactly the rows that the filter finds, of one moment,
// and records that they left. Owners' numbers are masked unless the actor may
// see them and says why.
func (a *App) ExportAssets(ctx context.Context, by access.Actor, f store.AssetFilter, o ExportOrder, w io.Writer) (Exported, error) {
	if o.Reveal {
		if !access.MayReveal(by) {
			return Exported{}, fault.New(fault.Denied, "reveal_forbidden", bilingual.T("您无权导出未脱敏的证件号码和电话", "you may not export owners' numbers and telephones unmasked")).
				WithMend("请导出脱敏清单，或由本市经办人员导出", "export the masked list, or ask a city's own staff")
		}
		if o.Reason = strings.TrimSpace(o.Reason); o.Reason == "" {
			return Exported{}, fault.Field("query.reason", "required", bilingual.T("导出未脱敏的证件号码和电话必须说明用途", "a reason is needed to export owners' numbers and telephones unmasked"),
				bilingual.T("例如：核对补贴发放名单", "for example: checking the payment list"))
		}
	}
	e := exporter[store.AssetRecord]{App: a, by: by, order: o, name: bilingual.T("登记清单", "Registry"),
		record:  store.Export{Of: "asset", Filter: a.assetFilterText(f).In(o.Lang), Class: f.Class, Revealed: o.Reveal, Reason: o.Reason},
		columns: a.assetColumns(f.Class, o)}
	var done Exported
	err := a.DB.CountedAssets(ctx, by.Scope, f, func(n int, rows iter.Seq2[store.AssetRecord, error]) (err error) {
		done, err = e.write(w, n, rows)
		return err
	})
	if err != nil {
		return done, err
	}
	return done, e.keep(ctx, done)
}

// ExportRetirements is ExportAssets for retirements.
func (a *App) ExportRetirements(ctx context.Context, by access.Actor, f store.RetirementFilter, o ExportOrder, w io.Writer) (Exported, error) {
	e := exporter[retirement.Retirement]{App: a, by: by, order: o, name: bilingual.T("淘汰清单", "Retirements"),
		record: store.Export{Of: "retirement", Filter: a.retirementFilterText(f).In(o.Lang), Class: f.Class}, columns: a.retirementColumns(o.Lang)}
	var done Exported
	err := a.DB.CountedRetirements(ctx, by.Scope, f, func(n int, rows iter.Seq2[retirement.Retirement, error]) (err error) {
		done, err = e.write(w, n, rows)
		return err
	})
	if err != nil {
		return done, err
	}
	return done, e.keep(ctx, done)
}

// exporter writes one list.
type exporter[T any] struct {
	*App
	by      access.Actor
	order   ExportOrder
	name    bilingual.Text
	columns []column[T]
	record  store.Export
}

func (e exporter[T]) write(w io.Writer, n int, rows iter.Seq2[T, error]) (Exported, error) {
	now := e.DB.Now().In(civil.Shanghai)
	t := func(zh, en string) string { return bilingual.T(zh, en).In(e.order.Lang) }
	name := e.name.In(e.order.Lang)
	table := sheet.Table{Title: name, Notes: []string{
		t("范围：", "Area: ") + e.regionName(e.by.Scope.Code(), e.order.Lang) + "    " + t("筛选条件：", "Filter: ") + e.record.Filter,
		fmt.Sprintf(t("共 %d 条，截至 %s（北京时间）", "%d rows, as of %s (Beijing time)"), n, now.Format("2006-01-02 15:04:05")),
		t("导出人：", "Exported by: ") + e.by.Name,
	}}
	if e.record.Revealed {
		table.Notes = append(table.Notes, t("含未脱敏的证件号码和电话，用途：", "Owners' numbers and telephones unmasked, for: ")+e.record.Reason)
	}
	for _, c := range e.columns {
		table.Head = append(table.Head, c.head)
	}
	written := 0
	cells := make([]string, len(e.columns))
	texts := func(yield func([]string, error) bool) {
		for row, err := range rows {
			if err != nil {
				yield(nil, err)
				return
			}
			for i, c := range e.columns {
				cells[i] = c.text(&row)
			}
			written++
			if !yield(cells, nil) {
				return
			}
		}
	}
	stream := sheet.StreamXLSX
	if e.order.Format == "csv" {
		stream = sheet.StreamCSV
	}
	if err := stream(w, table, texts); err != nil {
		return Exported{}, err
	}
	if written != n {
		return Exported{}, errors.New("app: an export has not the rows it says")
	}
	return Exported{Count: n, Name: fmt.Sprintf("%s_%d%s_%s.%s", name, n, t("条", "_rows"), now.Format("20060102-150405"), e.order.Format)}, nil
}

// keep records the export. What is not recorded is not handed out.
func (e exporter[T]) keep(ctx context.Context, done Exported) error {
	e.record.ID, e.record.Format, e.record.Count = newID(), e.order.Format, done.Count
	return e.DB.Write(ctx, e.by, func(tx *store.Tx) error { return tx.RecordExport(e.record) })
}

// assetColumns are those that all classes share, or all fields of one class.
func (a *App) assetColumns(class registry.Class, o ExportOrder) []column[store.AssetRecord] {
	type row = store.AssetRecord
	var columns []column[row]
	add := func(name bilingual.Text, kind sheet.Kind, width float64, text func(*row) string) {
		columns = append(columns, column[row]{sheet.Head{Title: name.In(o.Lang), Width: width, Kind: kind}, text})
	}
	named := func(kind string, code func(*row) string) func(*row) string {
		known := map[[2]string]string{}
		return func(r *row) string {
			key := [2]string{string(r.Class), code(r)}
			if key[1] == "" {
				return ""
			}
			name, ok := known[key]
			if !ok {
				name = a.Reference.Name(r.Class, kind, key[1]).In(o.Lang)
				known[key] = name
			}
			return name
		}
	}
	ownerID, ownerPhone := func(r *row) string { return store.MaskID(r.OwnerID) }, func(r *row) string { return store.MaskPhone(r.OwnerPhone) }
	if o.Reveal {
		ownerID, ownerPhone = func(r *row) string { return r.OwnerID }, func(r *row) string { return r.OwnerPhone }
	}
	own := map[string]func(*row) string{
		"owner_name": func(r *row) string { return r.OwnerName }, "owner_id": ownerID, "owner_phone": ownerPhone,
		"district": named("district", func(r *row) string { return r.DistrictCode }), "stage": named("stage", func(r *row) string { return r.Stage }),
		"category": named("category", func(r *row) string { return r.Category }), "registered_on": func(r *row) string { return string(r.RegisteredOn) },
		"built_on": func(r *row) string { return string(r.BuiltOn) }, "scrap_due_on": func(r *row) string { return string(r.ScrapDueOn) }, "model": func(r *row) string { return r.Model },
	}
	add(bilingual.T("城市", "City"), sheet.PlainColumn, 10, named("city", func(r *row) string { return r.CityCode }))
	fields := commonFields
	if class == "" {
		add(bilingual.T("类别", "Class"), sheet.PlainColumn, 14, named("class", func(r *row) string { return string(r.Class) }))
		add(bilingual.T("号牌、编号或船名", "Plate, serial or name"), sheet.PlainColumn, 16, func(r *row) string { return r.Label })
		add(bilingual.T("其他号码", "Further numbers"), sheet.PlainColumn, 30, otherNumbers)
	} else {
		spec, _ := registry.SpecOf(class)
		fields = spec.Fields
	}
	hasDue := false
	for _, f := range fields {
		text, ok := own[f.Key]
		if !ok {
			text = func(r *row) string { return r.Fields[f.Key] }
			if f.Dictionary != "" {
				text = named(f.Dictionary, text)
			}
		}
		kind, width, name := sheet.PlainColumn, 16.0, f.Name
		switch f.Type {
		case registry.IntegerField, registry.DecimalField:
			kind, width = sheet.NumberColumn, 12
		case registry.DayField:
			kind, width = sheet.DayColumn, 12
		}
		if f.Unit != "" {
			name = bilingual.F("%s(%s)", "%s (%s)", name.In(o.Lang), f.Unit)
		}
		hasDue = hasDue || f.Key == "scrap_due_on"
		add(name, kind, width, text)
	}
	if !hasDue {
		add(bilingual.T("强制报废期止", "Mandatory scrapping date"), sheet.DayColumn, 12, own["scrap_due_on"])
	}
	add(bilingual.T("状态", "Status"), sheet.PlainColumn, 10, func(r *row) string { return r.Status.Name().In(o.Lang) })
	add(bilingual.T("纳入淘汰范围", "Covered by the plan"), sheet.PlainColumn, 12, func(r *row) string { return yesNo(r.InScope).In(o.Lang) })
	add(bilingual.T("系统编号", "System number"), sheet.PlainColumn, 38, func(r *row) string { return r.ID })
	return columns
}

// commonFields are the fields that every class has.
var commonFields = []registry.FieldSpec{
	{Key: "category", Name: bilingual.T("类型", "Type")}, {Key: "stage", Name: bilingual.T("排放标准", "Emission stage")}, {Key: "model", Name: bilingual.T("品牌型号", "Make and model")},
	{Key: "owner_name", Name: bilingual.T("所有人", "Owner")}, {Key: "owner_id", Name: bilingual.T("证件号码", "Owner's number")}, {Key: "owner_phone", Name: bilingual.T("联系电话", "Telephone")},
	{Key: "district", Name: bilingual.T("所属县区", "District")}, {Key: "registered_on", Name: bilingual.T("登记日期", "Registered"), Type: registry.DayField},
	{Key: "built_on", Name: bilingual.T("出厂或建造日期", "Built"), Type: registry.DayField}, {Key: "scrap_due_on", Name: bilingual.T("强制报废期止", "Mandatory scrapping date"), Type: registry.DayField},
}

// otherNumbers are the identifiers of an asset but the one it is called by.
func otherNumbers(r *store.AssetRecord) string {
	spec, _ := registry.SpecOf(r.Class)
	var numbers []string
	for _, f := range spec.Fields {
		if v := r.Fields[f.Key]; (f.Identifier || f.Key == "engine_no") && v != "" && v != r.Label {
			numbers = append(numbers, v)
		}
	}
	return strings.Join(numbers, " / ")
}

func yesNo(yes bool) bilingual.Text {
	if yes {
		return bilingual.T("是", "yes")
	}
	return bilingual.T("否", "no")
}

func (a *App) retirementColumns(lang bilingual.Lang) []column[retirement.Retirement] {
	type row = retirement.Retirement
	var columns []column[row]
	add := func(zh, en string, kind sheet.Kind, width float64, text func(*row) string) {
		columns = append(columns, column[row]{sheet.Head{Title: bilingual.T(zh, en).In(lang), Width: width, Kind: kind}, text})
	}
	name := func(r *row, kind, code string) string {
		if code == "" {
			return ""
		}
		return a.Reference.Name(r.Class, kind, code).In(lang)
	}
	add("号牌、编号或船名", "Plate, serial or name", sheet.PlainColumn, 16, func(r *row) string { return r.AssetLabel })
	add("类别", "Class", sheet.PlainColumn, 14, func(r *row) string { return name(r, "class", string(r.Class)) })
	add("城市", "City", sheet.PlainColumn, 10, func(r *row) string { return name(r, "city", r.CityCode) })
	add("所属县区", "District", sheet.PlainColumn, 12, func(r *row) string { return name(r, "district", r.DistrictCode) })
	add("淘汰方式", "Way out", sheet.PlainColumn, 14, func(r *row) string {
		spec, _ := registry.SpecOf(r.Class)
		way, _ := retirement.WayOf(spec, r.WayOut)
		return way.Name.In(lang)
	})
	add("淘汰动因", "Driver", sheet.PlainColumn, 12, func(r *row) string { return name(r, "driver", r.Driver) })
	add("审核状态", "State", sheet.PlainColumn, 12, func(r *row) string { return r.State.Name().In(lang) })
	add("交售日期", "Hand-over", sheet.DayColumn, 12, func(r *row) string { return string(r.HandedInOn) })
	add("拆解日期", "Dismantling", sheet.DayColumn, 12, func(r *row) string { return string(r.DismantledOn) })
	add("注销日期", "Deregistration", sheet.DayColumn, 12, func(r *row) string { return string(r.DeregisteredOn) })
	add("回收企业", "Recycler", sheet.PlainColumn, 28, func(r *row) string { return r.Recycler })
	add("证明编号", "Certificate number", sheet.PlainColumn, 20, func(r *row) string { return r.CertificateNo })
	add("材料齐全", "Evidence complete", sheet.PlainColumn, 10, func(r *row) string { return yesNo(r.EvidenceComplete).In(lang) })
	add("申报人", "Declared by", sheet.PlainColumn, 12, func(r *row) string { return r.DeclaredByName })
	add("申报日期", "Declared on", sheet.DayColumn, 12, func(r *row) string { return string(civil.On(r.DeclaredAt)) })
	add("核实人", "Verified by", sheet.PlainColumn, 12, func(r *row) string { return r.VerifiedByName })
	add("核实日期", "Verified on", sheet.DayColumn, 12, func(r *row) string {
		if r.VerifiedAt == nil {
			return ""
		}
		return string(civil.On(*r.VerifiedAt))
	})
	add("退回原因", "Reason of return", sheet.PlainColumn, 24, func(r *row) string { return r.ReturnReason })
	add("备注", "Note", sheet.PlainColumn, 24, func(r *row) string { return r.Note })
	add("系统编号", "System number", sheet.PlainColumn, 38, func(r *row) string { return r.AssetID })
	return columns
}

// words puts a filter into words, part by part.
type words struct{ zh, en []string }

func (w *words) add(zh, en string, value bilingual.Text) {
	if value.ZH != "" {
		w.zh, w.en = append(w.zh, zh+"="+value.ZH), append(w.en, en+"="+value.In(bilingual.EN))
	}
}

func (w *words) text() bilingual.Text {
	if len(w.zh) == 0 {
		return bilingual.T("全部", "all")
	}
	return bilingual.T(strings.Join(w.zh, "；"), strings.Join(w.en, "; "))
}

func same(s string) bilingual.Text { return bilingual.T(s, s) }

func (a *App) code(class registry.Class, kind, code string) bilingual.Text {
	if code == "" {
		return bilingual.Text{}
	}
	return a.Reference.Name(class, kind, code)
}

func (a *App) assetFilterText(f store.AssetFilter) bilingual.Text {
	var w words
	w.add("类别", "class", a.code("", "class", string(f.Class)))
	w.add("城市", "city", a.code("", "city", f.City))
	w.add("县区", "district", a.code("", "district", f.District))
	w.add("类型", "type", a.code(f.Class, "category", f.Category))
	stages := f.Class
	if stages == "" {
		stages = registry.Truck
	}
	w.add("排放标准", "emission stage", a.code(stages, "stage", f.Stage))
	if f.Status != "" {
		w.add("状态", "status", f.Status.Name())
	}
	w.add("检索", "search", same(f.Q))
	if f.InScope != nil {
		w.add("纳入淘汰范围", "covered", yesNo(*f.InScope))
	}
	w.add("导入批次", "import", same(f.ImportID))
	if f.Metric != "" {
		w.add("指标", "figure", f.Metric.Name())
		w.add("截止日期", "as of", same(string(f.AsOf)))
	}
	return w.text()
}

func (a *App) retirementFilterText(f store.RetirementFilter) bilingual.Text {
	var w words
	if f.State != "" {
		w.add("审核状态", "state", f.State.Name())
	}
	w.add("类别", "class", a.code("", "class", string(f.Class)))
	w.add("城市", "city", a.code("", "city", f.City))
	w.add("县区", "district", a.code("", "district", f.District))
	w.add("检索", "search", same(f.Q))
	return w.text()
}
