package store

import (
	"fmt"
	"slices"
	"strings"

	"phaseout/internal/civil"
	"phaseout/internal/registry"
)

type identifierRow struct {
	AssetID  string
	Kind     string
	Value    string
	Norm     string
	IsUnique bool
}

func (identifierRow) TableName() string { return "asset_identifiers" }

// identifiedRow is a row of an asset with its identifiers, which come in the
// same question: another one would be another round trip to PostgreSQL.
type identifiedRow struct {
	Asset       assetRow `gorm:"embedded"`
	Identifiers string   // of identifiersColumn
}

func (identifiedRow) TableName() string { return "assets" }

func (r identifiedRow) record(today civil.Day) (AssetRecord, error) {
	a, err := r.Asset.record(today)
	if err == nil {
		a.Identifiers, err = identifiersIn(r.Identifiers)
	}
	return a, err
}

// identifierMarks are what identifiersColumn puts between texts.
const identifierMarks = "\t\n"

// identifiersColumn is the column of an asset's identifiers as text, in no order:
// a line for each with its kind, value, norm and whether it is unique, a tab
// between them. No text has either sign: registry folds blanks, putIdentifiers
// makes sure. JSON would take PostgreSQL longer to write than the page to find.
const identifiersColumn = "(SELECT COALESCE(string_agg(i.kind || '\t' || i.value || '\t' || i.norm || '\t' || CASE WHEN i.is_unique THEN 'unique' ELSE '' END, '\n'), '')" +
	" FROM asset_identifiers i WHERE i.asset_id = assets.id) AS identifiers"

// identifiersIn reads the column of identifiers, by kind.
func identifiersIn(text string) ([]registry.Identifier, error) {
	if text == "" {
		return nil, nil
	}
	list := make([]registry.Identifier, 0, 4)
	for line := range strings.SplitSeq(text, "\n") {
		kind, rest, _ := strings.Cut(line, "\t")
		value, rest, _ := strings.Cut(rest, "\t")
		norm, unique, ok := strings.Cut(rest, "\t")
		if !ok {
			return nil, fmt.Errorf("store: %q is no line of identifiers", line)
		}
		list = append(list, registry.Identifier{Kind: kind, Value: value, Norm: norm, Unique: unique != ""})
	}
	slices.SortFunc(list, func(a, b registry.Identifier) int { return strings.Compare(a.Kind, b.Kind) })
	return list, nil
}
