package app

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"phaseout/internal/bilingual"
	"phaseout/internal/likeness"
	"phaseout/internal/registry"
	"phaseout/internal/store"
)

// metTwo is a row of an import that meets more than one record by its natural
// keys. It is matched with none of them; whether they are one asset is asked in
// the queue of duplicates.
type metTwo struct {
	row    int
	class  registry.Class
	assets []string // ids, sorted
}

// noteMet asks about the records that rows have met.
func noteMet(tx *store.Tx, i *store.Import, met []metTwo) error {
	for _, m := range met {
		text := bilingual.F("导入表“%s”第 %d 行同时含有两者的号码", "row %[2]d of the sheet %[1]q has numbers of both", i.FileName, m.row)
		for n, one := range m.assets {
			for _, other := range m.assets[n+1:] {
				if err := tx.AskAbout(m.class, one, other, text); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// ambiguous is the finding of a row that meets several records: which of its
// numbers belongs to which. Of a record of another area only that it exists is told.
func ambiguous(asset registry.Asset, holders map[string]store.Match, known registered) registry.Finding {
	var zh, en []string
	for _, id := range slices.Sorted(maps.Keys(holders)) {
		label := bilingual.T("其他地区的记录", "a record of another area")
		if record, mine := known.records[id]; mine {
			label = bilingual.T(record.Label, record.Label)
		}
		for _, i := range asset.Identifiers {
			if i.Unique && slices.ContainsFunc(known.holders[i.Kind+"\n"+i.Norm], func(m store.Match) bool { return m.AssetID == id }) {
				zh, en = append(zh, fmt.Sprintf("%s 属于 %s", i.Value, label.ZH)), append(en, fmt.Sprintf("%s is of %s", i.Value, label.EN))
			}
		}
	}
	return identityFinding(asset, "", "ambiguous_match", bilingual.T("匹配到多条已有记录："+strings.Join(zh, "；"), "it meets several records: "+strings.Join(en, "; ")),
		bilingual.T("已列入“疑似重复”待人工判定；判定并更正号码后重新上传该行", "the records are in the queue of duplicates; decide there, mend the numbers and upload the row again"))
}

// renumbering says which identifiers of a record its row changes. A number that
// is given to things, a plate or a code, may be another one today. The number of
// the thing itself may be mended by one slip of the pen; a row that has wholly
// another one is about another thing, which must not take the record over.
// What a person has decided about the two stands.
func renumbering(record store.AssetRecord, row registry.Asset, known registered) (found []registry.Finding, wrong bool) {
	for _, now := range row.Identifiers {
		was := record.Fields[now.Kind]
		decided := slices.ContainsFunc(known.holders[now.Kind+"\n"+now.Norm], func(m store.Match) bool { return known.kept[m.AssetID] == record.ID })
		if !now.Unique || was == "" || was == now.Value || decided {
			continue
		}
		if likeness.ForLife(now.Kind) && likeness.SlipOf(was, now.Value) == likeness.Far {
			return append(found, identityFinding(row, now.Kind, "identity_conflict", bilingual.F("已有记录 %s 的号码是 %s，与本行的 %s 不是同一个", "the record of %s has the number %s, which is not %s", record.Label, was, now.Value),
				bilingual.T("若为另一车（机、船），请核对其余号码；若确需更正，请在记录上修改", "if this is another one, check its other numbers; if the record is wrong, correct it there"))), true
		}
		f := identityFinding(row, now.Kind, "identity_changed", bilingual.F("号码由 %s 改为 %s", "the number changes from %s to %s", was, now.Value), bilingual.T("请确认这是同一车（机、船）", "make sure that it is the same one"))
		f.Severity = registry.Warning
		found = append(found, f)
	}
	return found, false
}
