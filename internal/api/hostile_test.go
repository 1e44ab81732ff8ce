package api_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"

	"phaseout/internal/app/apptest"
)

// workbook packs a sheet's XML, and further parts, as a workbook.
func workbook(t *testing.T, sheet string, more map[string]string) []byte {
	t.Helper()
	const relation = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
	parts := map[string]string{
		"_rels/.rels":                `<Relationships><Relationship Id="r1" Type="` + relation + `/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
		"xl/workbook.xml":            `<workbook xmlns:r="` + relation + `"><sheets><sheet name="a" r:id="r1"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels": `<Relationships><Relationship Id="r1" Type="` + relation + `/worksheet" Target="sheet.xml"/></Relationships>`,
		"xl/sheet.xml":               sheet,
	}
	for name, text := range more {
		parts[name] = text
	}
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, text := range parts {
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write([]byte(text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func textRow(n int, cells ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<row r="%d">`, n)
	for i, c := range cells {
		fmt.Fprintf(&b, `<c r="%c%d" t="inlineStr"><is><t>%s</t></is></c>`, 'A'+i, n, c)
	}
	return b.String() + "</row>"
}

// lying returns a workbook whose directory says that every part is of one byte.
func lying(data []byte) []byte {
	out := bytes.Clone(data)
	for at := 0; ; {
		i := bytes.Index(out[at:], []byte("PK\x01\x02"))
		if i < 0 {
			return out
		}
		at += i + 4
		copy(out[at+20:], []byte{1, 0, 0, 0}) // the unpacked size, 24 bytes into the entry
	}
}

// liveHeap is how many bytes the last garbage collection found in use. What is
// garbage but not collected yet is left out: when it goes is the collector's
// choice, and differs from run to run.
func liveHeap() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// TestHostileFilesAreNamedAndCostLittle uploads a corpus of broken and hostile
// files: each gets its named problem, nothing is written, and no file makes the
// program take more than a bounded amount of memory. Proves F15 and F16.
func TestHostileFilesAreNamedAndCostLittle(t *testing.T) {
	// Collecting often makes the samples of the live heap follow its peaks.
	defer debug.SetGCPercent(debug.SetGCPercent(20))
	s := newSite(t, "sqlite:"+t.TempDir()+"/test.db")
	clerk := "clerk.changsha"
	heads := []string{"号牌号码", "车辆识别代号", "所有人", "初次登记日期"}
	head := strings.Join(heads, ",") + "\n"
	good := "湘A12345," + apptest.VIN(1) + ",某某,2010-01-01\n"
	in := func(rows string) string {
		return `<worksheet><sheetData>` + textRow(1, heads...) + rows + `</sheetData></worksheet>`
	}
	withBook := func(directory string) []byte {
		return workbook(t, in(textRow(2, "湘A12345", apptest.VIN(1), "某某", "2010-01-01")), map[string]string{"xl/workbook.xml": `<workbook xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">` + directory + `</workbook>`})
	}
	legacy := append([]byte{0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1}, make([]byte, 2000)...)
	locked := bytes.Clone(legacy)
	copy(locked[1000:], []byte("E\x00n\x00c\x00r\x00y\x00p\x00t\x00e\x00d\x00P\x00a\x00c\x00k\x00a\x00g\x00e\x00"))
	whole := workbook(t, in(textRow(2, "湘A12345", apptest.VIN(1), "某某", "2010-01-01")), nil)
	gbk, err := simplifiedchinese.GB18030.NewEncoder().String(good)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		data []byte
		want string // code of the failed import, or of a finding
	}{
		"a truncated archive":        {whole[:len(whole)-40], "damaged"},
		"a flat bomb":                {workbook(t, in(""), map[string]string{"xl/media/a.png": strings.Repeat("\x00", 300<<20)}), "unpacks_too_large"},
		"a sheet that is a bomb":     {workbook(t, in(strings.Repeat("<row><c><v>1</v></c></row>", 9_000_000)), nil), "unpacks_too_large"},
		"row sixteen million":        {workbook(t, in(textRow(16_000_000, "x")), nil), "damaged"},
		"an external entity":         {workbook(t, `<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>`+in(textRow(2, "&e;")), nil), "damaged"},
		"entities in entities":       {workbook(t, `<!DOCTYPE x [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]>`+in(textRow(2, "&b;")), nil), "damaged"},
		"a picture":                  {append([]byte("\x89PNG\r\n\x1a\n"), bytes.Repeat([]byte{0, 1}, 500)...), "encoding"},
		"a PDF":                      {[]byte("%PDF-1.7\n1 0 obj\n"), "pdf"},
		"a web page saved as .xls":   {[]byte("\xef\xbb\xbf<html><body><table><tr><td>号牌号码</td></tr></table></body></html>"), "html"},
		"an old .xls or .et":         {legacy, "legacy_xls"},
		"one with a password":        {locked, "encrypted"},
		"an archive of another kind": {workbook(t, "", map[string]string{"_rels/.rels": "<Relationships/>"}), "not_xlsx"},
		"only hidden sheets":         {withBook(`<sheets><sheet name="a" state="hidden" r:id="r1"/></sheets>`), "hidden_sheets"},
		"a size that is a lie":       {lying(whole), "damaged"},
		"a thousand columns in XML":  {workbook(t, `<worksheet><sheetData><row r="1"><c r="ALL1" t="inlineStr"><is><t>x</t></is></c></row></sheetData></worksheet>`, nil), "too_many_columns"},
		"a cell beyond the format":   {workbook(t, in(`<row r="2"><c r="A2" t="inlineStr"><is><t>`+strings.Repeat("某", 3_400_000)+`</t></is></c></row>`), nil), "unpacks_too_large"},
		"a formula without a value":  {workbook(t, in(strings.Replace(textRow(2, "湘A12345", apptest.VIN(1), "某某"), "</row>", `<c r="D2"><f>TODAY()</f></c></row>`, 1)), nil), "date_invalid"},
		"the day that never was, counted from 1904": {workbook(t, in(`<row r="2"><c r="A2" t="inlineStr"><is><t>湘A12345</t></is></c><c r="B2" t="inlineStr"><is><t>`+apptest.VIN(1)+
			`</t></is></c><c r="C2" t="inlineStr"><is><t>某某</t></is></c><c r="D2"><v>60</v></c></row>`), map[string]string{"xl/workbook.xml": `<workbook xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><workbookPr date1904="1"/><sheets><sheet name="a" r:id="r1"/></sheets></workbook>`}), "date_invalid"},
		"XML saved as .xls":         {[]byte(`<?xml version="1.0"?><Workbook/>`), "html"},
		"two encodings":             {[]byte(head + good + gbk), "encoding"},
		"zero bytes":                {[]byte(head + "湘A\x00\x00,x,y,z\n"), "encoding"},
		"a thousand columns":        {[]byte(strings.Repeat("x,", 1000) + "\n"), "too_many_columns"},
		"a quote that never closes": {[]byte(head + `"` + strings.Repeat("湘A12345,\n", 1000)), "csv"},
		"headings twice":            {[]byte("号牌号码,车架号,VIN,所有人,初次登记日期\n"), "repeated_column"},
		"nothing but headings":      {[]byte(head), "<nil>"},
		"blank lines":               {[]byte("\n\n,,,\n"), "no_header"},
		"a cell of seven megabytes": {[]byte(head + "湘A12345," + apptest.VIN(1) + "," + strings.Repeat("某", 2_500_000) + ",2010-01-01\n"), "format"},
		"a cell of ten megabytes":   {[]byte(head + "湘A12345," + apptest.VIN(1) + "," + strings.Repeat("某", 3_400_000) + ",2010-01-01\n"), "too_large"},
		"a formula":                 {[]byte(head + "湘A12345," + apptest.VIN(1) + ",某某,=TODAY()\n"), "date_invalid"},
		"the day that never was":    {[]byte(head + "湘A12345," + apptest.VIN(1) + ",某某,60\n"), "date_invalid"},
		"a day in 2038":             {[]byte(head + "湘A12345," + apptest.VIN(1) + ",某某,2038-01-19\n"), "date_future"},
	} {
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		held, most := liveHeap(), uint64(0)
		answer := s.upload(clerk, "/imports", map[string]string{"class": "truck", "city": "430100"}, "a.xlsx", c.data)
		if answer.Status != 202 {
			if answer.Status != 413 || answer.text("code") != "too_large" || len(c.data) < 8<<20 {
				t.Errorf("%s: answered %d %s", name, answer.Status, answer.Body)
			}
			continue
		}
		id := answer.text("id")
		for range 400 {
			if state := s.send(clerk, "GET", "/imports/"+id, nil).want(200).text("state"); state == "failed" || state == "checked" {
				break
			}
			time.Sleep(25 * time.Millisecond)
			most = max(most, liveHeap())
		}
		runtime.GC()
		most = max(most, liveHeap())
		runtime.ReadMemStats(&after)
		if most > held+64<<20 {
			t.Errorf("%s: holds %d MiB", name, (most-held)>>20)
		}
		if made := after.TotalAlloc - before.TotalAlloc; made > 600<<20 {
			t.Errorf("%s: took %d MiB in all", name, made>>20)
		}
		got := s.send(clerk, "GET", "/imports/"+id, nil).want(200)
		code := got.text("error.code")
		if got.text("state") == "checked" {
			code = s.send(clerk, "GET", "/imports/"+id+"/findings", nil).want(200).text("items.0.code")
			if c.want != "<nil>" && got.text("counts.reject") != "1" {
				t.Errorf("%s: the row is not refused: %s", name, got.Body)
			}
		} else if got.text("error.mend") == "" {
			t.Errorf("%s: no mend: %s", name, got.Body)
		}
		if code != c.want {
			t.Errorf("%s: got %q, want %q", name, code, c.want)
		}
	}
	empty := s.upload(clerk, "/imports", map[string]string{"class": "truck", "city": "430100"}, "a.xlsx", nil).want(422)
	if empty.text("errors.0.location") != "body.file" || empty.text("errors.0.mend") == "" {
		t.Errorf("an empty file: %s", empty.Body)
	}
	if n := len(s.pages(clerk, "/assets")); n != 0 {
		t.Errorf("%d assets were written", n)
	}
}
