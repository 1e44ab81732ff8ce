package app

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"slices"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
	"phaseout/internal/sheet"
	"phaseout/internal/store"
)

// JobComparison is the kind of job that lays an outside list against the registry.
const JobComparison = "comparison"

// The kinds of outside list: vehicles that the police have cancelled, what a
// yard says it took in, any other list of what should be registered.
const (
	PoliceCancellations = "police_cancellations"
	YardList            = "yard_list"
	OtherList           = "other"
)

// ComparisonCounts says how many lines came out how.
type ComparisonCounts struct {
	Rows       int `json:"rows"`
	Agree      int `json:"agree"`
	OursOnly   int `json:"ours_only"`
	TheirsOnly int `json:"theirs_only"`
	Differ     int `json:"differ"`
	Unreadable int `json:"unreadable" doc:"Rows without a number by which an asset is known."`
}

// Difference is one thing that the list and the registry say differently.
type Difference struct {
	Field  string `json:"field"`
	Ours   string `json:"ours"`
	Theirs string `json:"theirs"`
}

// UploadComparison takes an outside list in and puts its comparison into the queue.
func (a *App) UploadComparison(ctx context.Context, by access.Actor, class registry.Class, city, kind, name string, data io.Reader) (store.Comparison, error) {
	if r, ok := a.Reference.Region(city); !ok || r.Level != "city" || (by.Scope.City() != "" && by.Scope.City() != city) {
		return store.Comparison{}, fault.Field("body.city", "wrong_city", bilingual.T("只能比对本市数据", "you can compare for your own city only"),
			bilingual.T("请选择您所在的城市", "choose your own city"))
	}
	sum, size, err := a.Blobs.Put(data, a.MaxUpload)
	if err != nil {
		return store.Comparison{}, err
	}
	if size == 0 {
		return store.Comparison{}, fault.Field("body.file", "required", bilingual.T("文件是空的", "the file is empty"), bilingual.T("请重新选择文件", "choose the file again"))
	}
	return write(ctx, a, by, func(tx *store.Tx) (store.Comparison, error) {
		c := store.Comparison{ID: newID(), CityCode: city, DistrictCode: by.Scope.District(), Class: class, Kind: kind, FileName: cleanName(name), FileSHA256: sum}
		if err := tx.CreateComparison(&c); err != nil {
			return c, err
		}
		return c, tx.Enqueue(JobComparison, c.ID)
	})
}

// RunComparison lays the list against the registry. It keeps nothing before it
// is done, so it is safe to run again.
func (a *App) RunComparison(ctx context.Context, id string) error {
	c, err := a.DB.Comparison(ctx, access.Whole(), id)
	if err != nil || c.State != "running" {
		return err
	}
	scope := access.ScopeOf(c.CityCode)
	if c.DistrictCode != "" {
		scope = access.ScopeOf(c.DistrictCode)
	}
	after := c
	lines, counts, err := a.compareList(ctx, scope, c)
	if f, isFault := fault.As(err); isFault {
		problem, err := json.Marshal(ImportProblem{f.Code, f.Message, f.Mend})
		if err != nil {
			return err
		}
		after.State, after.Problem = "failed", string(problem)
	} else if err != nil {
		return err
	} else {
		text, err := json.Marshal(counts)
		if err != nil {
			return err
		}
		after.State, after.Done, after.Counts = "done", int64(counts.Rows), string(text)
	}
	err = a.DB.Write(ctx, access.System("comparison "+c.ID), func(tx *store.Tx) error { return tx.FinishComparison(c, &after, lines) })
	if fault.Is(err, fault.Stale) { // another worker was faster
		return nil
	}
	return err
}

// listed is one row of an outside list.
type listed struct {
	row   int
	asset registry.Asset
	keys  []registry.Identifier
}

func (a *App) compareList(ctx context.Context, scope access.Scope, c store.Comparison) ([]store.ComparisonLine, ComparisonCounts, error) {
	var counts ComparisonCounts
	rows, err := a.readList(c, &counts)
	if err != nil {
		return nil, counts, err
	}
	var lines []store.ComparisonLine
	line := func(l store.ComparisonLine, differences []Difference) error {
		text, err := json.Marshal(differences)
		l.ID, l.ComparisonID, l.State, l.Version, l.Differences = newID(), c.ID, "open", 1, string(text)
		lines = append(lines, l)
		return err
	}
	seen := map[string]bool{}
	for chunk := range slices.Chunk(rows, 500) {
		known, err := a.knownOf(ctx, scope, chunk)
		if err != nil {
			return nil, counts, err
		}
		for _, r := range chunk {
			ours, found := known[r.row]
			if !found {
				counts.TheirsOnly++
				if err := line(store.ComparisonLine{CityCode: c.CityCode, DistrictCode: c.DistrictCode, RowNo: r.row, Label: r.keys[0].Value, Outcome: "theirs_only"}, nil); err != nil {
					return nil, counts, err
				}
				continue
			}
			seen[ours.ID] = true
			differences := differencesOf(c.Kind, ours, r.asset)
			if len(differences) == 0 {
				counts.Agree++
				continue
			}
			counts.Differ++
			if err := line(store.ComparisonLine{CityCode: ours.CityCode, DistrictCode: ours.DistrictCode, RowNo: r.row, AssetID: ours.ID, Label: ours.Label, Outcome: "differ"}, differences); err != nil {
				return nil, counts, err
			}
		}
	}
	page := store.Page{Limit: 1000}
	for {
		assets, err := a.DB.Assets(ctx, scope, store.AssetFilter{Class: c.Class}, page)
		if err != nil {
			return nil, counts, err
		}
		for _, ours := range assets {
			if seen[ours.ID] || !shouldBeListed(c.Kind, ours) {
				continue
			}
			counts.OursOnly++
			if err := line(store.ComparisonLine{CityCode: ours.CityCode, DistrictCode: ours.DistrictCode, AssetID: ours.ID, Label: ours.Label, Outcome: "ours_only"}, nil); err != nil {
				return nil, counts, err
			}
		}
		if len(assets) < page.Limit {
			return lines, counts, nil
		}
		page.After = assets[len(assets)-1].ID
	}
}

// shouldBeListed reports whether a list of a kind should have an asset: one of
// cancellations and of a yard what has left service, any other what is in use.
func shouldBeListed(kind string, a store.AssetRecord) bool {
	left := a.Status == registry.Deregistered || a.Status == registry.Dismantled || a.Status == registry.HandedIn
	switch kind {
	case PoliceCancellations:
		return a.Status == registry.Deregistered
	case YardList:
		return left
	}
	return a.Status == registry.InUse
}

// differencesOf lays a row beside the record it is about. What the row leaves
// blank is no difference.
func differencesOf(kind string, ours store.AssetRecord, theirs registry.Asset) []Difference {
	var found []Difference
	if status := string(ours.Status); kind == PoliceCancellations && ours.Status != registry.Deregistered {
		found = append(found, Difference{"status", status, string(registry.Deregistered)})
	} else if kind == YardList && ours.Status == registry.InUse {
		found = append(found, Difference{"status", status, string(registry.HandedIn)})
	}
	have, say := formOf(ours.Asset), formOf(theirs)
	for _, key := range slices.Sorted(maps.Keys(say)) {
		switch {
		case say[key] == have[key] || key == "police_status" || key == "plate_kind" && have[key] == "":
		case key == "owner_id":
			found = append(found, Difference{key, store.MaskID(have[key]), store.MaskID(say[key])})
		case key == "owner_phone":
			found = append(found, Difference{key, store.MaskPhone(have[key]), store.MaskPhone(say[key])})
		default:
			found = append(found, Difference{key, have[key], say[key]})
		}
	}
	return found
}

// readList reads the rows of an outside list that have a number by which an
// asset is known. What else is wrong with a row does not matter here.
func (a *App) readList(c store.Comparison, counts *ComparisonCounts) ([]listed, error) {
	file, err := a.Blobs.Reader(c.FileSHA256)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // only read from
	book, err := sheet.OpenReader(c.FileName, file, file.Size)
	if err != nil {
		return nil, err
	}
	// A list of one column is a list too: the numbers of what it names are enough.
	wording := wordingOf(c.Class)
	wording.Least = 1
	picked, err := sheet.Pick(book, wording)
	if err != nil {
		return nil, err
	}
	book, header := picked.Book, picked.Header
	var rows []listed
	for row, err := range book.Rows() {
		if err != nil {
			return nil, err
		}
		if row.Number <= header.Row || sheet.IsTotals(row) || header.NoData(row) {
			continue
		}
		in := registry.Input{City: c.CityCode, Fields: map[string]string{}, Sheet: true, Today: a.Today()}
		for _, column := range header.Columns {
			if column.Index < len(row.Cells) {
				in.Fields[column.Key] = row.Cells[column.Index]
			}
		}
		counts.Rows++
		asset, keys := a.Reference.Recognize(c.Class, in)
		if len(keys) == 0 {
			counts.Unreadable++
			continue
		}
		rows = append(rows, listed{row.Number, asset, keys})
	}
	return rows, nil
}

// knownOf returns the records of the scope that rows are about. A row whose
// numbers belong to two records is about neither.
func (a *App) knownOf(ctx context.Context, scope access.Scope, rows []listed) (map[int]store.AssetRecord, error) {
	var keys []registry.Identifier
	for _, r := range rows {
		keys = append(keys, r.keys...)
	}
	matches, err := a.DB.Holders(ctx, keys)
	if err != nil {
		return nil, err
	}
	holders, ids := map[string]string{}, map[string]bool{}
	for _, m := range matches {
		holders[m.Kind+"\n"+m.Norm], ids[m.AssetID] = m.AssetID, true
	}
	records, err := a.DB.AssetsByID(ctx, scope, slices.Sorted(maps.Keys(ids)))
	if err != nil {
		return nil, err
	}
	known := map[int]store.AssetRecord{}
	for _, r := range rows {
		met := map[string]bool{}
		for _, k := range r.keys {
			if id, ok := holders[k.Kind+"\n"+k.Norm]; ok {
				met[id] = true
			}
		}
		for id := range met {
			if record, mine := records[id]; mine && len(met) == 1 {
				known[r.row] = record
			}
		}
	}
	return known, nil
}

// DecideLine says what became of a line of a comparison: done, dismissed with a
// reason, or open again.
func (a *App) DecideLine(ctx context.Context, by access.Actor, id string, version int64, state, note string) (store.ComparisonLine, error) {
	if state == "dismissed" && note == "" {
		return store.ComparisonLine{}, fault.Field("body.note", "required", bilingual.T("请填写原因", "a reason is needed"), bilingual.T("说明为什么不处理", "say why nothing is done"))
	}
	return write(ctx, a, by, func(tx *store.Tx) (store.ComparisonLine, error) { return tx.DecideLine(id, version, state, note) })
}
