package app

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"phaseout/internal/bilingual"
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
	return identityFinding(asset, "ambiguous_match", bilingual.T("匹配到多条已有记录："+strings.Join(zh, "；"), "it meets several records: "+strings.Join(en, "; ")),
		bilingual.T("已列入“疑似重复”待人工判定；判定并更正号码后重新上传该行", "the records are in the queue of duplicates; decide there, mend the numbers and upload the row again"))
}
