package registry_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/simplifiedchinese"

	"phaseout/internal/civil"
	"phaseout/internal/registry"
	"phaseout/seeds"
)

// reference reads the reference data as it is shipped.
func reference(t testing.TB) *registry.Reference {
	t.Helper()
	open := func(name string) *bytes.Reader {
		data, err := seeds.FS.ReadFile("reference/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return bytes.NewReader(data)
	}
	regions, err := registry.ParseRegions(open("regions.csv"))
	if err != nil {
		t.Fatal(err)
	}
	options, err := registry.ParseOptions(open("dictionary.csv"))
	if err != nil {
		t.Fatal(err)
	}
	return registry.NewReference(regions, options)
}

type answerKey struct {
	Class registry.Class `json:"class"`
	City  string         `json:"city"`
	Rows  []struct {
		Row     int               `json:"row"`
		Outcome registry.Outcome  `json:"outcome"`
		Codes   []string          `json:"codes"`
		Key     map[string]string `json:"key"`
	} `json:"rows"`
}

// grid reads a sample sheet cell by cell with a library, not with our reader.
func grid(t *testing.T, name string) [][]string {
	t.Helper()
	data, err := seeds.FS.ReadFile("demo/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasSuffix(name, ".csv") {
		text, err := simplifiedchinese.GB18030.NewDecoder().Bytes(data)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}
	f, err := excelize.OpenReader(bytes.NewReader(data), excelize.Options{RawCellValue: true})
	if err != nil {
		t.Fatal(err)
	}
	rows, err := f.GetRows(f.GetSheetName(0))
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// TestSampleSheetsMatchTheirAnswerKeys checks every row of the three sample
// sheets: outcome, finding codes and normalised identifiers. Proves F2, F3, F16.
func TestSampleSheetsMatchTheirAnswerKeys(t *testing.T) {
	ref := reference(t)
	for _, sample := range []struct {
		name   string
		header int // row of the headings, from 1
	}{{"trucks-changsha.xlsx", 4}, {"machinery-zhuzhou.xlsx", 3}, {"vessels-yueyang.csv", 1}} {
		for _, today := range []civil.Day{"2022-01-15", "2026-11-24"} {
			t.Run(sample.name+" on "+string(today), func(t *testing.T) {
				text, err := os.ReadFile("testdata/" + sample.name + ".key.json")
				if err != nil {
					t.Fatal(err)
				}
				var key answerKey
				if err := json.Unmarshal(text, &key); err != nil {
					t.Fatal(err)
				}
				rows := grid(t, sample.name)
				var fields []string
				for _, heading := range rows[sample.header-1] {
					field, known := registry.FindField(key.Class, heading)
					if !known {
						t.Fatalf("heading %q is not known", heading)
					}
					fields = append(fields, field)
				}
				batch := registry.NewBatch()
				for _, want := range key.Rows {
					in := registry.Input{City: key.City, Fields: map[string]string{}, Today: today}
					for i, field := range fields {
						if field != "" && i < len(rows[want.Row-1]) {
							in.Fields[field] = rows[want.Row-1][i]
						}
					}
					asset, findings := ref.Check(key.Class, in)
					outcome, findings := batch.Add(want.Row, asset, findings)
					var codes []string
					for _, f := range findings {
						codes = append(codes, f.Code)
						if f.Message.ZH == "" || f.Message.EN == "" {
							t.Errorf("row %d: finding %s has no text", want.Row, f.Code)
						}
					}
					if outcome != want.Outcome || !slices.Equal(codes, want.Codes) {
						t.Errorf("row %d: got %s %v, want %s %v: %v", want.Row, outcome, codes, want.Outcome, want.Codes, in.Fields)
					}
					for kind, value := range want.Key {
						if !slices.ContainsFunc(asset.Identifiers, func(i registry.Identifier) bool { return i.Kind == kind && i.Value == value }) {
							t.Errorf("row %d: no %s %s among %v", want.Row, kind, value, asset.Identifiers)
						}
					}
				}
			})
		}
	}
}
