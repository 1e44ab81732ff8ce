package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
	"phaseout/internal/retirement"
	"phaseout/internal/sheet"
	"phaseout/internal/store"
	"phaseout/internal/yard"
)

// listChunk is how many rows of a list are checked or applied in one
// transaction, so that another clerk's save waits no more than a moment.
const listChunk = 200

// UploadList takes a list of retirements in, such as a yard's of a month. What a
// row does not say, defaults say. It is checked, applied and undone as any
// import is; what it brings are declared retirements, and undoing withdraws them.
func (a *App) UploadList(ctx context.Context, by access.Actor, class registry.Class, city, name string, defaults retirement.Declaration, data io.Reader) (store.Import, error) {
	if details := a.checkDefaults(class, defaults); len(details) > 0 {
		return store.Import{}, fault.Fields(details)
	}
	text, err := json.Marshal(defaults.Clean())
	if err != nil {
		return store.Import{}, err
	}
	return a.takeIn(ctx, by, store.Import{Class: class, CityCode: city, Kind: store.ImportsRetirements, Defaults: string(text)}, name, data)
}

func (a *App) checkDefaults(class registry.Class, d retirement.Declaration) (wrong []fault.Detail) {
	spec := a.Reference.SpecWithOptions(class)
	if d.WayOut != "" {
		if _, known := retirement.WayOf(spec, d.WayOut); !known && len(spec.WaysOut) > 0 {
			wrong = append(wrong, fault.Detail{Location: "body.defaults.way_out", Code: "unknown_value", Message: bilingual.F("“%s”不是该类别的淘汰去向", "%q is not a way out of this class", d.WayOut),
				Mend: bilingual.T("请从列表中选择", "choose one from the list")})
		}
	}
	for field, day := range map[string]civil.Day{"handed_in_on": d.HandedInOn, "dismantled_on": d.DismantledOn, "deregistered_on": d.DeregisteredOn} {
		if day != "" && (!day.Valid() || day > a.Today()) {
			wrong = append(wrong, fault.Detail{Location: "body.defaults." + field, Code: "date_invalid", Message: bilingual.T("日期无效或晚于今天", "this is no day up to today"),
				Mend: bilingual.T("请按 2025-12-31 的格式填写", "write it as 2025-12-31")})
		}
	}
	return wrong
}

// listedRow is a row of a list as it was read.
type listedRow struct {
	row    int
	fields map[string]string
	hidden bool
}

// checkList finds out of each row of a list which asset it means and what would
// become of it.
func (c *importCheck) checkList(ctx context.Context, book *sheet.Book, header sheet.Header) error {
	if !slices.ContainsFunc(header.Columns, func(col sheet.Column) bool { return c.identifies(col.Key) }) {
		return fault.New(fault.Invalid, "missing_column", bilingual.T("没有可识别对象的列（号牌、车架号、出厂编号、船舶识别号等）", "no column says which asset is meant: plate, VIN, serial, ship id")).
			WithMend("补上号牌号码或车架号等任一列", "add one of these columns")
	}
	seen := listSeen{assets: map[string]int{}, certificates: map[string]int{}}
	var chunk []listedRow
	last := header.Row
	for row, err := range book.Rows() {
		if err != nil {
			return err
		}
		if row.Number <= header.Row {
			continue
		}
		c.counts.Ignored += row.Number - last - 1
		last = row.Number
		listed, ok := readListed(row, header)
		if !ok || sheet.IsTotals(row) || header.NoData(row) {
			c.counts.Ignored++
			continue
		}
		if chunk = append(chunk, listed); len(chunk) == listChunk {
			if err := c.keepListed(ctx, chunk, seen, "checking"); err != nil {
				return err
			}
			chunk = nil
		}
	}
	return c.keepListed(ctx, chunk, seen, "checked")
}

func (c *importCheck) identifies(key string) bool {
	spec, _ := registry.SpecOf(c.current.Columns())
	return key == registry.AnyNumber || key == "certificate_no" || slices.ContainsFunc(spec.Fields, func(f registry.FieldSpec) bool { return f.Key == key && f.Identifier })
}

func readListed(row sheet.Row, header sheet.Header) (listedRow, bool) {
	l := listedRow{row: row.Number, fields: map[string]string{}, hidden: row.Hidden}
	for _, column := range header.Columns {
		if column.Index < len(row.Cells) {
			if cell := strings.TrimSpace(row.Cells[column.Index]); cell != "" {
				l.fields[column.Key] = cell
			}
		}
	}
	return l, len(l.fields) > 0
}

// listSeen is what earlier rows of the same list mean.
type listSeen struct {
	assets       map[string]int
	certificates map[string]int
}

func (c *importCheck) keepListed(ctx context.Context, chunk []listedRow, seen listSeen, state string) error {
	return c.save(ctx, func(tx *store.Tx, i *store.Import) error {
		var rows []store.ImportRow
		var findings []store.ImportFinding
		for _, listed := range chunk {
			row, found, err := c.app.judgeListed(tx, *i, listed, seen)
			if err != nil {
				return err
			}
			row.Warned = row.Outcome == "create" && len(found) > 0
			rows = append(rows, row)
			for position, f := range found {
				findings = append(findings, c.finding(listed.row, position+1, f))
			}
			c.tally(row)
		}
		counts, err := json.Marshal(c.counts)
		if err != nil {
			return err
		}
		i.State, i.Done, i.Total, i.Counts = state, int64(c.counts.Total), int64(c.counts.Total), string(counts)
		return tx.PutImportRows(rows, findings)
	})
}

// judgeListed says what a row of a list would do: declare a retirement, fill in
// what a declared one lacks, nothing, or why it cannot.
func (a *App) judgeListed(tx *store.Tx, i store.Import, l listedRow, seen listSeen) (store.ImportRow, []registry.Finding, error) {
	row := store.ImportRow{ImportID: i.ID, RowNo: l.row, Label: labelOf(l.fields), Outcome: "reject"}
	asset, findings, err := a.matchListed(tx, i, l.fields)
	if err != nil || asset == nil {
		return row, findings, err
	}
	row.Label, row.AssetID = asset.Label, asset.ID
	d, wrong := a.readDeclaration(i, l.fields)
	findings = append(findings, wrong...)
	if earlier, twice := seen.assets[asset.ID]; twice {
		return row, append(findings, listFinding(registry.Error, "duplicate_in_file", "", asset.Label, bilingual.F("%s 与第 %d 行是同一对象", "%s stands in row %d already", asset.Label, earlier),
			bilingual.T("只保留其中一行", "keep one of the two"))), nil
	}
	if failed(findings) {
		return row, findings, nil
	}
	existing, err := retirementOf(tx, asset.ID)
	if err != nil {
		return row, findings, err
	}
	if d, _, _, err = a.checkYard(tx, d, *asset); err != nil { // the yard's own name, as it would be kept
		return row, findings, err
	}
	id := ""
	if existing != nil {
		id = existing.ID
		merged, clash := fillIn(existing.Declaration, d)
		if clash != "" {
			return row, append(findings, listFinding(registry.Error, "already_retired", clash, fieldText(d, clash), bilingual.T("已登记淘汰，且该项内容不同", "its retirement is logged already and says otherwise"),
				bilingual.T("请打开已有的淘汰记录核对", "open the retirement that is there and compare"))), nil
		}
		d = merged
		if d == existing.Declaration {
			row.Outcome = "unchanged"
			seen.assets[asset.ID] = l.row
			return row, findings, nil
		}
		if err := existing.Guard(retirement.Amend); err != nil {
			return row, append(findings, faultFindings(err)...), nil
		}
	} else if asset.Status != registry.InUse {
		return row, append(findings, listFinding(registry.Error, "not_in_use", "", asset.Label, bilingual.T("该记录不是在用状态："+asset.Status.Name().ZH, "it is not in use: "+asset.Status.Name().EN),
			bilingual.T("请核对号码", "check the number"))), nil
	}
	open, err := tx.Offered(asset.ID)
	if err != nil {
		return row, findings, err
	}
	if _, locked := open[asset.ID]; locked {
		return row, append(findings, listFinding(registry.Error, "transfer_open", "", asset.Label, bilingual.T("该记录正在向其他城市转移", "the record is offered to another city"),
			bilingual.T("等待对方答复，或先撤回转移", "wait for the answer, or withdraw the transfer"))), nil
	}
	d, doubts, err := a.checkDeclaration(tx, d, *asset, id)
	if err != nil {
		if _, known := fault.As(err); !known {
			return row, findings, err
		}
		return row, append(findings, faultFindings(err)...), nil
	}
	findings = append(findings, detailFindings(registry.Warning, doubts)...)
	if key := yard.NameKey(d.Recycler) + "\n" + yard.CertificateKey(d.CertificateNo); d.CertificateNo != "" {
		if earlier, twice := seen.certificates[key]; twice {
			return row, append(findings, listFinding(registry.Error, "duplicate_in_file", "certificate_no", d.CertificateNo, bilingual.F("证明编号与第 %d 行相同", "the certificate number stands in row %[1]d already", earlier),
				bilingual.T("请核对证明原件", "check the certificates"))), nil
		}
		seen.certificates[key] = l.row
	}
	seen.assets[asset.ID] = l.row
	if l.hidden {
		findings = append(findings, listFinding(registry.Warning, "hidden_row", "", "", bilingual.T("该行在表格中被隐藏", "the row is hidden in the sheet"), bilingual.T("仍会登记；如不需要请删除该行", "it is logged all the same; remove it if it should not be")))
	}
	text, err := json.Marshal(d)
	if err != nil {
		return row, findings, err
	}
	row.Data, row.Outcome = string(text), "create"
	if existing != nil {
		row.Outcome = "update"
		changes, err := json.Marshal(changesOf(existing.Declaration, d))
		if err != nil {
			return row, findings, err
		}
		row.Changes = string(changes)
	}
	return row, findings, nil
}

func labelOf(fields map[string]string) string {
	for _, key := range []string{"plate", "vin", "serial", "farm_plate", "ship_name", "ship_id", "env_code", registry.AnyNumber, "certificate_no"} {
		if fields[key] != "" {
			return fields[key]
		}
	}
	return ""
}

func failed(findings []registry.Finding) bool {
	return slices.ContainsFunc(findings, func(f registry.Finding) bool { return f.Severity == registry.Error })
}

func listFinding(severity registry.Severity, code, field, value string, message, mend bilingual.Text) registry.Finding {
	return registry.Finding{Field: field, Value: value, Code: code, Severity: severity, Message: message, Mend: mend}
}

// faultFindings says of a cell what a form would have been told of its field.
func faultFindings(err error) []registry.Finding {
	f, ok := fault.As(err)
	if !ok {
		return nil
	}
	if len(f.Details) == 0 {
		return []registry.Finding{listFinding(registry.Error, f.Code, "", "", f.Message, f.Mend)}
	}
	return detailFindings(registry.Error, f.Details)
}

func detailFindings(severity registry.Severity, details []fault.Detail) []registry.Finding {
	var findings []registry.Finding
	for _, d := range details {
		findings = append(findings, listFinding(severity, d.Code, strings.TrimPrefix(d.Location, "body."), d.Value, d.Message, d.Mend))
	}
	return findings
}

// weakKinds are numbers that pass from one asset to another.
var weakKinds = map[string]bool{"plate": true, "farm_plate": true, "ship_name": true}

// matchListed returns the asset that a row means, or why none: what is not
// there, another area's, or more than one. It never takes the first of several.
func (a *App) matchListed(tx *store.Tx, i store.Import, fields map[string]string) (*store.AssetRecord, []registry.Finding, error) {
	numbers := a.Reference.NumbersIn(i.Class, i.CityCode, a.Today(), fields)
	var all []registry.Identifier
	for _, list := range numbers {
		all = append(all, list...)
	}
	given := slices.Sorted(maps.Keys(numbers))
	if len(given) == 0 && fields["certificate_no"] != "" {
		return byCertificate(tx, fields["certificate_no"])
	}
	if len(given) == 0 {
		label := labelOf(fields)
		return nil, []registry.Finding{listFinding(registry.Error, "no_number", "", label, bilingual.T("没有可识别的号牌、车架号或编号", "the row names no number that can be read"),
			bilingual.T("填写号牌号码、车架号、出厂编号或船舶识别号", "give plate, VIN, serial or ship id"))}, nil
	}
	matches, err := tx.Holders(all)
	if err != nil {
		return nil, nil, err
	}
	found := map[string]map[string]bool{} // field → assets
	assets := map[string]bool{}
	for field, list := range numbers {
		found[field] = map[string]bool{}
		for _, m := range matches {
			if m.Status != registry.Duplicate && slices.ContainsFunc(list, func(n registry.Identifier) bool { return n.Kind == m.Kind && n.Norm == m.Norm }) {
				found[field][m.AssetID], assets[m.AssetID] = true, true
			}
		}
	}
	records, err := tx.AssetsByID(slices.Sorted(maps.Keys(assets)))
	if err != nil {
		return nil, nil, err
	}
	return settleMatch(given, numbers, found, assets, records, i.Class)
}

// byCertificate returns the asset whose retirement already names a certificate.
func byCertificate(tx *store.Tx, number string) (*store.AssetRecord, []registry.Finding, error) {
	ids, err := tx.CertificateHolders(number)
	if err != nil {
		return nil, nil, err
	}
	records, err := tx.AssetsByID(ids)
	if err != nil {
		return nil, nil, err
	}
	if len(records) == 1 {
		record := records[ids[0]]
		return &record, nil, nil
	}
	message, mend := bilingual.F("没有登记过证明编号 %s", "no retirement names the certificate %s", number), bilingual.T("补上号牌号码或车架号", "add plate or VIN")
	code := "not_found"
	if len(records) > 1 {
		code, message = "ambiguous_match", bilingual.F("不止一条登记使用证明编号 %s", "more than one retirement names the certificate %s", number)
	}
	return nil, []registry.Finding{listFinding(registry.Error, code, "certificate_no", number, message, mend)}, nil
}

// settleMatch picks the one asset on which all numbers of a row agree. A plate
// alone does not stand against another number of the asset.
func settleMatch(given []string, numbers map[string][]registry.Identifier, found map[string]map[string]bool, assets map[string]bool, records map[string]store.AssetRecord, class registry.Class) (*store.AssetRecord, []registry.Finding, error) {
	agreed := maps.Clone(assets)
	for _, field := range given {
		if len(found[field]) > 0 {
			maps.DeleteFunc(agreed, func(id string, _ bool) bool { return !found[field][id] })
		}
	}
	field, value := given[0], numbers[given[0]][0].Value
	refuse := func(code string, message, mend bilingual.Text) (*store.AssetRecord, []registry.Finding, error) {
		return nil, []registry.Finding{listFinding(registry.Error, code, field, value, message, mend)}, nil
	}
	switch {
	case len(assets) == 0:
		return refuse("not_found", bilingual.F("登记库中没有 %s", "%s is not in the registry", value), bilingual.T("核对号码；如确未登记，请先登记该对象", "check the number; register it first if it is not there"))
	case len(agreed) == 0:
		return refuse("numbers_differ", bilingual.T("该行的号码分别属于不同的记录："+labelsOf(assets, records, "、"), "its numbers belong to different records: "+labelsOf(assets, records, ", ")),
			bilingual.T("核对号牌与车架号是否为同一对象", "find out which of them is meant"))
	case len(agreed) > 1:
		return refuse("ambiguous_match", bilingual.T("符合的记录不止一条："+labelsOf(agreed, records, "、"), "more than one record fits: "+labelsOf(agreed, records, ", ")),
			bilingual.T("补上车架号、船舶识别号等唯一号码", "add a number that is one record's alone, such as VIN or ship id"))
	}
	id := slices.Collect(maps.Keys(agreed))[0]
	record, mine := records[id]
	if !mine || record.Class != class {
		return refuse("registered_elsewhere", bilingual.T("该号码在其他地区或其他类别登记", "the number is registered in another area or class"), bilingual.T("核对号码和类别", "check number and class"))
	}
	var findings []registry.Finding
	strong := slices.ContainsFunc(given, func(f string) bool { return !weakKinds[f] && found[f][id] })
	for _, f := range given {
		if found[f][id] {
			continue
		}
		severity, code := registry.Error, "numbers_differ"
		if strong && weakKinds[f] {
			severity = registry.Warning
		}
		findings = append(findings, listFinding(severity, code, f, numbers[f][0].Value, bilingual.F("%s 与登记的号码不一致", "%s is not what is registered", numbers[f][0].Value),
			bilingual.T("核对原件；如登记有误，请先更正登记", "check the papers; correct the record first if it is wrong")))
	}
	return &record, findings, nil
}

// labelsOf names the records that the actor may see, and that there are others.
func labelsOf(ids map[string]bool, records map[string]store.AssetRecord, comma string) string {
	var labels []string
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		if r, ok := records[id]; ok {
			labels = append(labels, fmt.Sprintf("%s（%s）", r.Label, orDash(r.OwnerName)))
		} else {
			labels = append(labels, "***")
		}
	}
	return strings.Join(labels[:min(len(labels), 5)], comma)
}

func orDash(s string) string {
	if s == "" {
		return "—"
	}
	return s
}

// readDeclaration reads what a row says over what every row says.
func (a *App) readDeclaration(i store.Import, fields map[string]string) (retirement.Declaration, []registry.Finding) {
	var d retirement.Declaration
	if i.Defaults != "" {
		if err := json.Unmarshal([]byte(i.Defaults), &d); err != nil {
			d = retirement.Declaration{} // written by ourselves
		}
	}
	var findings []registry.Finding
	for key, day := range map[string]*civil.Day{"handed_in_on": &d.HandedInOn, "dismantled_on": &d.DismantledOn, "deregistered_on": &d.DeregisteredOn} {
		if fields[key] == "" {
			continue
		}
		parsed, err := registry.ParseDay(fields[key])
		if err != nil {
			findings = append(findings, listFinding(registry.Error, "date_invalid", key, fields[key], bilingual.F("“%s”不是有效日期", "%q is not a day", fields[key]), bilingual.T("请按 2025-12-31 的格式填写", "write it as 2025-12-31")))
			continue
		}
		*day = parsed
	}
	spec, _ := registry.SpecOf(i.Columns())
	for key, code := range map[string]*string{"way_out": &d.WayOut, "driver": &d.Driver} {
		if fields[key] == "" {
			continue
		}
		at := slices.IndexFunc(spec.Fields, func(f registry.FieldSpec) bool { return f.Key == key })
		known, ok := registry.OptionIn(spec.Fields[at].Options, fields[key])
		if !ok {
			findings = append(findings, listFinding(registry.Error, "unknown_value", key, fields[key], bilingual.F("“%s”不在可选项中", "%q is not one of the options", fields[key]), bilingual.T("请从模板的下拉列表中选择", "choose from the list of the template")))
			continue
		}
		*code = known
	}
	for key, text := range map[string]*string{"certificate_no": &d.CertificateNo, "recycler": &d.Recycler} {
		if fields[key] != "" {
			*text = fields[key]
		}
	}
	if fields["recycler"] != "" {
		d.YardID = ""
	}
	if d.WayOut == "" {
		d.WayOut = "scrapped"
	}
	way, known := retirement.WayOf(a.Reference.SpecWithOptions(i.Class), d.WayOut)
	if !known {
		return d.Clean(), findings
	}
	d, dropped := d.Fit(way)
	for _, key := range dropped {
		if fields[key] != "" { // what only the defaults say is not meant for this row
			findings = append(findings, listFinding(registry.Warning, "not_of_way", key, fields[key], bilingual.T("“"+way.Name.ZH+"”没有这一项，不登记", way.Name.EN+" has no such entry; it is left out"),
				bilingual.T("请核对该行的淘汰去向", "check the way out of the row")))
		}
	}
	return d.Clean(), findings
}

// declared are the fields of a declaration that a list can fill in.
var declared = []string{"way_out", "driver", "handed_in_on", "dismantled_on", "deregistered_on", "recycler", "certificate_no"}

func fieldText(d retirement.Declaration, key string) string {
	return map[string]string{"way_out": d.WayOut, "driver": d.Driver, "handed_in_on": string(d.HandedInOn), "dismantled_on": string(d.DismantledOn),
		"deregistered_on": string(d.DeregisteredOn), "recycler": d.Recycler, "certificate_no": d.CertificateNo}[key]
}

// fillIn lays what a row says over a declaration that is there: it may add what
// is missing, never change what is said. clash names the field that differs.
func fillIn(was, row retirement.Declaration) (merged retirement.Declaration, clash string) {
	merged = was
	for _, key := range declared {
		before, says := fieldText(was, key), fieldText(row, key)
		if says == "" || says == before {
			continue
		}
		if before != "" && key != "driver" { // a list's own driver is a guess of many
			return was, key
		}
		if before != "" {
			continue
		}
		switch key {
		case "driver":
			merged.Driver = says
		case "handed_in_on":
			merged.HandedInOn = row.HandedInOn
		case "dismantled_on":
			merged.DismantledOn = row.DismantledOn
		case "deregistered_on":
			merged.DeregisteredOn = row.DeregisteredOn
		case "recycler":
			merged.Recycler, merged.YardID = says, row.YardID
		case "certificate_no":
			merged.CertificateNo = says
		}
	}
	return merged, ""
}

func changesOf(before, after retirement.Declaration) []FieldChange {
	var changes []FieldChange
	for _, key := range declared {
		if was, is := fieldText(before, key), fieldText(after, key); was != is {
			changes = append(changes, FieldChange{key, was, is})
		}
	}
	return changes
}

// applyList makes the good rows of a checked list real.
func (a *App) applyList(ctx context.Context, by access.Actor, i store.Import) error {
	if i.Mode == "all_or_nothing" {
		return a.DB.Write(ctx, by, func(tx *store.Tx) error {
			after := i
			for last := 0; ; {
				rows, err := tx.ImportRows(i, store.ImportRowFilter{Pending: true, AfterRow: last, Limit: listChunk})
				if err != nil {
					return err
				}
				if len(rows) == 0 {
					break
				}
				last = rows[len(rows)-1].RowNo
				if err := a.applyListed(tx, &after, rows); err != nil {
					return err
				}
			}
			after.State, after.AppliedAt = "applied", instant(tx.At)
			return tx.UpdateImport(i, &after)
		})
	}
	for {
		done := false
		next, err := writeMany(ctx, a, by, func(tx *store.Tx) (store.Import, error) {
			rows, err := tx.ImportRows(i, store.ImportRowFilter{Pending: true, Limit: listChunk})
			if err != nil {
				return i, err
			}
			after := i
			if done = len(rows) == 0; done {
				after.State, after.AppliedAt = "applied", instant(tx.At)
			} else if err := a.applyListed(tx, &after, rows); err != nil {
				return i, err
			}
			return after, tx.UpdateImport(i, &after)
		})
		if err != nil || done {
			return err
		}
		i = next
	}
}

func (a *App) applyListed(tx *store.Tx, i *store.Import, rows []store.ImportRow) error {
	if err := tx.HoldImport(*i); err != nil {
		return err
	}
	counts := CountsOf(*i)
	for _, row := range rows {
		if err := a.applyListedRow(tx, i, row, &counts); err != nil {
			return err
		}
	}
	i.Done += int64(len(rows))
	text, err := json.Marshal(counts)
	i.Counts = string(text)
	return err
}

func (a *App) applyListedRow(tx *store.Tx, i *store.Import, row store.ImportRow, counts *ImportCounts) error {
	var d retirement.Declaration
	if err := json.Unmarshal([]byte(row.Data), &d); err != nil {
		return fmt.Errorf("app: row %d of import %s: %w", row.RowNo, i.ID, err)
	}
	overtaken := func() error { return a.skipRow(tx, i, row, registry.Identifier{Value: row.Label}, counts) }
	asset, err := tx.Asset(row.AssetID)
	if fault.Is(err, fault.NotFound) {
		return overtaken()
	}
	if err != nil {
		return err
	}
	existing, err := retirementOf(tx, asset.ID)
	if err != nil {
		return err
	}
	open, err := tx.Offered(asset.ID)
	if err != nil {
		return err
	}
	_, locked := open[asset.ID]
	if locked || (row.Outcome == "create") != (existing == nil) || (existing == nil && asset.Status != registry.InUse) || (existing != nil && existing.Guard(retirement.Amend) != nil) {
		return overtaken()
	}
	id := ""
	if existing != nil {
		id = existing.ID
	}
	if d, _, err = a.checkDeclaration(tx, d, asset, id); err != nil {
		if _, known := fault.As(err); known {
			return overtaken()
		}
		return err
	}
	if existing == nil {
		r := newRetirement(tx, asset, d)
		r.ImportID = i.ID
		if _, err := a.settle(tx, asset, nil, &r, "declare", store.StepNote{}, "import "+i.ID); err != nil {
			return err
		}
		counts.AppliedCreate++
		return tx.MarkImportRow(i.ID, row.RowNo, "created", row.Outcome, asset.ID)
	}
	before, err := json.Marshal(existing.Declaration)
	if err != nil {
		return err
	}
	after := *existing
	after.Declaration, after.State, after.ReturnReason = d, retirement.Declared, ""
	if _, err := a.settle(tx, asset, existing, &after, "amend", store.StepNote{}, "import "+i.ID); err != nil {
		return err
	}
	counts.AppliedUpdate++
	change := store.ImportChange{ImportID: i.ID, RowNo: row.RowNo, AssetID: asset.ID, Kind: "updated", Before: string(before), VersionAfter: after.Version}
	if err := tx.PutImportChange(change); err != nil {
		return err
	}
	return tx.MarkImportRow(i.ID, row.RowNo, "updated", row.Outcome, asset.ID)
}

// undoList withdraws what a list declared and takes back what it filled in.
func (a *App) undoList(tx *store.Tx, i *store.Import, skipChanged bool) error {
	changes, err := tx.ImportChanges(i.ID)
	if err != nil {
		return err
	}
	type undo struct {
		change store.ImportChange
		r      retirement.Retirement
	}
	var undoable []undo
	var changed []store.ImportChange
	for _, c := range changes {
		r, err := retirementOf(tx, c.AssetID)
		if err != nil {
			return err
		}
		if r == nil || r.Version != c.VersionAfter || (c.Kind == "created" && r.ImportID != i.ID) {
			changed = append(changed, c)
			continue
		}
		undoable = append(undoable, undo{c, *r})
	}
	if len(changed) > 0 && !skipChanged {
		return changedSince(tx, *i, changed)
	}
	reason := "undo import " + i.ID
	for _, u := range undoable {
		asset, err := tx.Asset(u.r.AssetID)
		if err != nil {
			return err
		}
		after := u.r
		action := "withdraw"
		if u.change.Kind == "created" {
			after = u.r.Withdraw(reason, tx.By, tx.At)
		} else {
			action, after.Declaration = "amend", retirement.Declaration{}
			if err := json.Unmarshal([]byte(u.change.Before), &after.Declaration); err != nil {
				return fmt.Errorf("app: row %d of import %s: %w", u.change.RowNo, i.ID, err)
			}
		}
		if _, err := a.settle(tx, asset, &u.r, &after, action, store.StepNote{}, reason); err != nil {
			return err
		}
	}
	i.State = "undone"
	return nil
}
