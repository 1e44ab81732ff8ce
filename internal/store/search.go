package store

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"gorm.io/gorm"

	"phaseout/internal/registry"
)

// The search index. A free search is for any part of a number or a name, two
// Chinese characters included, which the trigram indexes of both engines cannot
// do. So a text is cut into grams of our own making: at each sign one gram of
// up to three signs, the last ones closed by a mark. A part of three signs or
// more is a phrase of grams, a part of two the beginning of one. The grams are
// the words of an ordinary full-text index: FTS4 on SQLite, a tsvector under
// GIN on PostgreSQL; what is found is the same (docs/adr/0009).

const (
	gramSigns = 3
	endOfPart = '\ue000'
	// manyFound is from how many matches on a search is better served by reading
	// the list in its order until the page is full.
	manyFound = 2000
	// A text that stands in so many of the first records of a list is read from
	// the list, without asking the index, whose list of places is as long as the
	// registry then.
	probed, common = 200, 40
)

// searchText is what a free search looks through: every identifier, the owner
// and the model, in capitals without blanks, a line each.
func searchText(a registry.Asset) string {
	parts := []string{searchForm(a.Label), searchForm(a.OwnerName), searchForm(a.Model)}
	for _, i := range a.Identifiers {
		parts = append(parts, searchForm(i.Value))
	}
	slices.Sort(parts)
	return strings.Trim(strings.Join(slices.Compact(parts), "\n"), "\n")
}

// searchForm folds a text for searching: full-width signs to half-width,
// capitals, no blanks.
func searchForm(s string) string {
	return strings.ToUpper(strings.Map(func(r rune) rune {
		switch {
		case r == ' ' || r == '\t' || r == '\u3000' || r == '\n' || r == '·' || r == endOfPart:
			return -1
		case r >= '！' && r <= '～':
			return r - ('！' - '!')
		}
		return r
	}, s))
}

// asWord makes every sign one that the tokenizer of FTS4 keeps: letters,
// figures and whatever is beyond ASCII. Others move to a private range.
func asWord(r rune) rune {
	if r >= utf8.RuneSelf || (r >= '0' && r <= '9') || (r >= 'A' && r <= 'Z') || (r >= 'a' && r <= 'z') {
		return r
	}
	return endOfPart + r
}

// grams cuts a folded text into its grams, in order; no phrase runs from one
// line into the next because of the mark that ends each.
func grams(text string) []string {
	var all []string
	for part := range strings.SplitSeq(text, "\n") {
		if part == "" {
			continue
		}
		signs := append([]rune(strings.Map(asWord, part)), endOfPart)
		for i := range len(signs) - 1 {
			all = append(all, string(signs[i:min(i+gramSigns, len(signs))]))
		}
	}
	return all
}

// wanted returns the grams of a phrase that a folded text must be found by, and
// whether the last is only the beginning of one. None means that the text is
// too short for the index: one sign, or two of ASCII, which nearly all have.
func wanted(text string) (phrase []string, prefix bool) {
	signs := []rune(strings.Map(asWord, text))
	switch {
	case len(signs) >= gramSigns:
		for i := range len(signs) - gramSigns + 1 {
			phrase = append(phrase, string(signs[i:i+gramSigns]))
		}
		return phrase, false
	case len(signs) == 2 && len(text) > 2:
		return []string{string(signs)}, true
	}
	return nil, false
}

type searchRow struct {
	AssetID string
	Grams   string
}

func (searchRow) TableName() string { return "asset_search" }

// vector writes grams as PostgreSQL reads a tsvector: each with its place.
func vector(words []string) string {
	var b strings.Builder
	for i, w := range words {
		b.WriteString(lexeme(w))
		b.WriteByte(':')
		b.WriteString(strconv.Itoa(i + 1))
		b.WriteByte(' ')
	}
	return b.String()
}

// lexeme quotes a gram, in which nothing is special but what asWord has let through.
func lexeme(gram string) string { return "'" + gram + "'" }

// index adds new assets to the search index and tells them their documents.
// texts are their grams.
func (tx *Tx) index(rows []assetRow, texts []string) error {
	if tx.store.engine == Postgres {
		entries := make([]searchRow, len(rows))
		for i, r := range rows {
			entries[i] = searchRow{r.ID, vector(strings.Fields(texts[i]))}
		}
		return insertAll(tx, entries)
	}
	if tx.nextDoc == 0 {
		if err := tx.db.Raw("SELECT COALESCE(MAX(docid), 0) + 1 FROM asset_search_content").Scan(&tx.nextDoc).Error; err != nil {
			return fmt.Errorf("store: search index: %w", err)
		}
	}
	for i := range rows {
		rows[i].SearchDoc = tx.nextDoc
		if err := tx.exec("INSERT INTO asset_search (docid, grams, asset_id) VALUES (?, ?, ?)", tx.nextDoc, texts[i], rows[i].ID); err != nil {
			return fmt.Errorf("store: search index: %w", err)
		}
		tx.nextDoc++
	}
	return nil
}

// reindex keeps the document of a changed asset in step.
func (tx *Tx) reindex(before *AssetRecord, after *assetRow) error {
	after.SearchDoc = before.searchDoc
	if searchText(before.Asset) == after.SearchText {
		return nil
	}
	var err error
	if tx.store.engine == Postgres {
		err = tx.exec("UPDATE asset_search SET grams = $1 WHERE asset_id = $2", vector(grams(after.SearchText)), after.ID)
	} else {
		err = tx.exec("UPDATE asset_search SET grams = ? WHERE docid = ?", strings.Join(grams(after.SearchText), " "), before.searchDoc)
	}
	if err != nil {
		return fmt.Errorf("store: search index: %w", err)
	}
	return nil
}

// unindex takes the document of a removed asset out.
func (tx *Tx) unindex(a *AssetRecord) error {
	var err error
	if tx.store.engine == Postgres {
		err = tx.exec("DELETE FROM asset_search WHERE asset_id = $1", a.ID)
	} else {
		err = tx.exec("DELETE FROM asset_search WHERE docid = ?", a.searchDoc)
	}
	if err != nil {
		return fmt.Errorf("store: search index: %w", err)
	}
	return nil
}

// search narrows a query of assets to those in whose search text q stands.
func (db *DB) search(q *gorm.DB, text string) (*gorm.DB, error) {
	text = searchForm(text)
	phrase, prefix := wanted(text)
	if phrase != nil && strings.IndexFunc(text, isASCII) < 0 { // a name, of which many may have a part
		many, err := isCommon(q, text)
		if err != nil {
			return nil, err
		}
		if many {
			phrase = nil
		}
	}
	if phrase != nil {
		ids, err := db.found(q.Session(&gorm.Session{NewDB: true}), phrase, prefix)
		if err != nil {
			return nil, err
		}
		if len(ids) < manyFound {
			return q.Where("id IN ?", ids), nil
		}
	}
	return q.Where("search_text LIKE ? ESCAPE '!'", likePattern(text)), nil
}

func isASCII(r rune) bool { return r < utf8.RuneSelf }

// isCommon reports whether a text stands in many of the first records of a list.
func isCommon(q *gorm.DB, text string) (bool, error) {
	var n int64
	first := q.Session(&gorm.Session{}).Select("search_text").Order("id").Limit(probed)
	err := q.Session(&gorm.Session{NewDB: true}).Table("(?) AS first", first).Where("search_text LIKE ? ESCAPE '!'", likePattern(text)).Count(&n).Error
	if err != nil {
		return false, fmt.Errorf("store: search: %w", err)
	}
	return n >= common, nil
}

// found returns the assets that hold a phrase of grams, at most manyFound.
func (db *DB) found(q *gorm.DB, phrase []string, prefix bool) ([]string, error) {
	statement, match := "SELECT asset_id FROM asset_search WHERE grams MATCH ? LIMIT ?", `"`+strings.Join(phrase, " ")
	if prefix {
		match += "*"
	}
	match += `"`
	if db.engine == Postgres {
		for i, w := range phrase {
			phrase[i] = lexeme(w)
		}
		if match = strings.Join(phrase, " <-> "); prefix {
			match += ":*"
		}
		statement = "SELECT asset_id FROM asset_search WHERE grams @@ CAST(? AS tsquery) LIMIT ?"
	}
	ids := []string{}
	if err := q.Raw(statement, match, manyFound).Scan(&ids).Error; err != nil {
		return nil, fmt.Errorf("store: search: %w", err)
	}
	return ids, nil
}
