package app

import (
	"context"
	"strings"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
	"phaseout/internal/retirement"
	"phaseout/internal/store"
)

// duplicateChunk is how many assets are compared in one transaction.
const duplicateChunk = 200

// FindDuplicates compares what imports brought in with the registry, chunk by
// chunk, until nothing is left. It is safe to stop and to run again.
func (a *App) FindDuplicates(ctx context.Context) error {
	for {
		n := 0
		err := a.DB.Write(ctx, access.System("duplicates"), func(tx *store.Tx) (err error) {
			n, err = tx.FindDuplicates(duplicateChunk)
			return err
		})
		if err != nil || n == 0 {
			return err
		}
	}
}

// notDuplicate fails with Conflict if a record was closed as a duplicate.
func notDuplicate(a store.AssetRecord) error {
	if a.Status != registry.Duplicate {
		return nil
	}
	return fault.New(fault.Conflict, "closed_duplicate", bilingual.F("%s 已作为重复记录关闭", "%s was closed as a duplicate", a.Label)).
		WithMend("请修改保留的那条记录；如判断有误，请在“疑似重复”中改判", "change the record that was kept; if it was a mistake, decide the pair anew")
}

// closedDuplicate decides about an identity that a closed duplicate holds: the
// record for which it was closed may take it over, nobody else may use it.
func (a *App) closedDuplicate(tx *store.Tx, m store.Match, exceptID, value string) (free bool, err error) {
	kept, err := tx.KeptFor(m.AssetID)
	if err != nil || (kept != "" && kept == exceptID) {
		return err == nil, err
	}
	f := fault.New(fault.Conflict, "duplicate_identity", bilingual.F("%s 已登记过，并已作为重复记录关闭", "%s was registered before and closed as a duplicate", value)).
		WithMend("请使用保留的那条记录", "use the record that was kept")
	f.Details = []fault.Detail{{Location: "body.fields." + m.Kind, Code: "duplicate_identity", Message: f.Message}}
	if _, err := tx.Asset(kept); err == nil {
		f = f.With("asset_id", kept)
	}
	return false, f
}

// DecideDuplicate says whether two records are one asset. If they are, the
// newer one is closed: it counts in no figure, gives its identities up to the
// one that is kept, and points to it. The decision can be changed as long as
// nobody touched the closed record.
func (a *App) DecideDuplicate(ctx context.Context, by access.Actor, id string, version int64, same bool, reason string) (store.Pair, error) {
	if reason = strings.TrimSpace(reason); reason == "" {
		return store.Pair{}, fault.Field("body.reason", "required", bilingual.T("请填写理由", "give the reason"),
			bilingual.T("写明依据，如“登记证书号码相同”", "say what it rests on, such as the same certificate number"))
	}
	return write(ctx, a, by, func(tx *store.Tx) (store.Pair, error) {
		before, err := tx.Pair(id)
		if err != nil {
			return before, err
		}
		if before.Version != version {
			return before, staleSince(version, before.Version)
		}
		after := before
		after.State, after.Reason, after.ClosedVersion = store.PairDifferent, reason, 0
		if same {
			after.State = store.PairSame
		}
		if after.State == before.State {
			return before, fault.New(fault.Conflict, "wrong_state", bilingual.T("这一对已经这样判定", "the pair is decided so already"))
		}
		newer, err := tx.Asset(before.AssetB)
		mine := err == nil
		if err != nil && !fault.Is(err, fault.NotFound) {
			return before, err
		}
		switch {
		case same && !mine, before.State == store.PairSame && !mine:
			return before, fault.New(fault.Conflict, "foreign_record", bilingual.T("应关闭的是另一城市的记录", "the record to be closed is another city's")).
				WithMend("请由该市判定，或请省级协调", "its office has to decide; ask the province to see to it")
		case same:
			after.ClosedVersion, err = a.closeDuplicate(tx, newer, before.AssetA, reason)
		case before.State == store.PairSame:
			err = a.reopenDuplicate(tx, newer, before.ClosedVersion, reason)
		}
		if err != nil {
			return before, err
		}
		city, district := newer.CityCode, newer.DistrictCode
		if !mine { // the event stands with the record that the actor has
			older, err := tx.Asset(before.AssetA)
			if err != nil {
				return before, err
			}
			city, district = older.CityCode, older.DistrictCode
		}
		return after, tx.DecidePair(before, &after, city, district)
	})
}

func (a *App) closeDuplicate(tx *store.Tx, newer store.AssetRecord, keptID, reason string) (int64, error) {
	r, err := retirementOf(tx, newer.ID)
	if err != nil {
		return 0, err
	}
	keeps, err := tx.KeepsOthers([]string{newer.ID})
	if err != nil {
		return 0, err
	}
	kept, err := tx.KeptFor(keptID)
	switch {
	case err != nil:
		return 0, err
	case r != nil || newer.Status != registry.InUse:
		return 0, fault.New(fault.Conflict, "newer_retired", bilingual.F("较新的记录 %s 已登记淘汰，不能关闭", "the newer record, %s, has a retirement and cannot be closed", newer.Label)).
			WithMend("请先核实淘汰记录属于哪一条", "find out first which record the retirement belongs to")
	case kept != "" || keeps[newer.ID]:
		return 0, fault.New(fault.Conflict, "chained_duplicate", bilingual.T("两条记录之一已与第三条记录判为重复", "one of the two is a duplicate of a third record")).
			WithMend("请先处理与第三条记录的判定", "see to the pair with the third record first")
	}
	after := newer
	after.Status, after.Counting = registry.Duplicate, retirement.Counting{}
	after.Identifiers = make([]registry.Identifier, len(newer.Identifiers))
	for n, i := range newer.Identifiers {
		i.Unique = false
		after.Identifiers[n] = i
	}
	err = tx.UpdateAsset(&newer, &after, "close_duplicate", reason)
	return after.Version, err
}

func (a *App) reopenDuplicate(tx *store.Tx, closed store.AssetRecord, version int64, reason string) error {
	if closed.Version != version {
		return fault.New(fault.Conflict, "changed_since", bilingual.T("关闭后该记录已有变化，不能改判", "the record was changed after it was closed; the decision stands")).
			WithMend("请重新登记", "register it anew")
	}
	asset, _ := a.Reference.Check(closed.Class, registry.Input{City: closed.CityCode, Fields: formOf(closed.Asset), Today: a.Today()})
	after := closed
	after.Asset = asset
	after.ID, after.Status = closed.ID, registry.InUse
	after.Counting = a.counting(asset, nil)
	return tx.UpdateAsset(&closed, &after, "reopen_duplicate", reason)
}

// Entry is what a record that is being entered looks like before it is saved.
type Entry struct {
	Findings []registry.Finding
	Known    []KnownIdentity
}

// KnownIdentity is a record that has the identity that is being entered, or
// one nearly like it. Of a foreign record nothing is told but that it exists.
type KnownIdentity struct {
	store.Alike
	Exact     bool
	Field     string // of an exact match: which identifier
	Elsewhere bool
}

// CheckEntry looks at the fields of a record that is being entered. Fields
// that are still blank are no mistake. Nothing is written.
func (a *App) CheckEntry(ctx context.Context, by access.Actor, in NewAsset) (Entry, error) {
	if _, ok := registry.SpecOf(in.Class); !ok {
		_, _, err := a.check(by, in)
		return Entry{}, err
	}
	asset, findings := a.Reference.CheckPart(in.Class, registry.Input{City: in.CityCode, District: by.Scope.District(), Fields: in.Fields, Today: a.Today()})
	entry := Entry{Findings: findings}
	var unique []registry.Identifier
	for _, i := range asset.Identifiers {
		if i.Unique {
			unique = append(unique, i)
		}
	}
	matches, err := a.DB.Holders(ctx, unique)
	if err != nil {
		return entry, err
	}
	exact := map[string]bool{}
	for _, m := range matches {
		if exact[m.AssetID] {
			continue
		}
		exact[m.AssetID] = true
		known := KnownIdentity{Exact: true, Field: m.Kind}
		known.ID, known.Status, known.Score = m.AssetID, m.Status, 100
		entry.Known = append(entry.Known, known)
	}
	alike, err := a.DB.Lookalikes(ctx, asset)
	if err != nil {
		return entry, err
	}
	for _, near := range alike {
		if !exact[near.ID] {
			entry.Known = append(entry.Known, KnownIdentity{Alike: near})
		}
	}
	ids := make([]string, len(entry.Known))
	for n, k := range entry.Known {
		ids[n] = k.ID
	}
	mine, err := a.DB.AssetsByID(ctx, by.Scope, ids)
	if err != nil {
		return entry, err
	}
	for n := range entry.Known {
		k := &entry.Known[n]
		record, ours := mine[k.ID]
		k.AssetRecord, k.Elsewhere = record, !ours
	}
	return entry, nil
}
