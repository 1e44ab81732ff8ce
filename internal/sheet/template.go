package sheet

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/xuri/excelize/v2"
)

// TemplateColumn is one column of a template.
type TemplateColumn struct {
	Heading  string
	Hint     string
	Required bool
	Text     bool // long numbers stay what they are
	Options  []string
	Example  string
}

// The sheets of a template beside the one to fill in, and how many rows of it
// have drop-downs.
const (
	listsSheet  = "字典"
	guideSheet  = "填写说明"
	rowsOfLists = 10_000
)

// WriteTemplate writes the empty workbook of a class: headings, drop-downs from
// a hidden sheet (a list in place may not be longer than 255 signs), text format
// where numbers must not be changed, an example row that is skipped when read,
// and a sheet that explains each column.
func WriteTemplate(w io.Writer, title string, columns []TemplateColumn) error {
	f := excelize.NewFile()
	defer func() { _ = f.Close() }()
	t := template{f: f, sheet: sheetName(title)}
	if err := t.write(columns); err != nil {
		return fmt.Errorf("sheet: template: %w", err)
	}
	return f.Write(w)
}

// sheetName returns a title as the name of a sheet: up to 31 signs, without
// those that mean something in a reference.
func sheetName(title string) string {
	runes := []rune(strings.Trim(strings.NewReplacer(":", " ", `\`, " ", "/", " ", "?", " ", "*", " ", "[", "(", "]", ")").Replace(title), "' "))
	if name := string(runes[:min(len(runes), 31)]); name != "" && name != listsSheet && name != guideSheet {
		return name
	}
	return "数据"
}

type template struct {
	f     *excelize.File
	sheet string
}

func (t template) write(columns []TemplateColumn) error {
	if err := t.f.SetSheetName(t.f.GetSheetName(0), t.sheet); err != nil {
		return err
	}
	for _, name := range []string{guideSheet, listsSheet} {
		if _, err := t.f.NewSheet(name); err != nil {
			return err
		}
	}
	styles, err := newStyles(t.f)
	if err != nil {
		return err
	}
	text, err := t.f.NewStyle(&excelize.Style{NumFmt: 49})
	if err != nil {
		return err
	}
	all := append([]TemplateColumn{{Heading: "序号", Hint: "示例行不会被导入 / the example row is not imported", Example: "示例"}}, columns...)
	for i, c := range all {
		if err := t.column(ColumnLetter(i), c, text); err != nil {
			return err
		}
	}
	last := ColumnLetter(len(all) - 1)
	return errors.Join(
		t.f.SetCellStyle(t.sheet, "A1", last+"1", styles.head),
		t.f.SetPanes(t.sheet, &excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}),
		t.f.SetSheetVisible(listsSheet, false),
		t.guide(all, styles.head))
}

func (t template) column(letter string, c TemplateColumn, text int) error {
	heading := c.Heading
	if c.Required {
		heading += "*"
	}
	if err := t.f.SetColWidth(t.sheet, letter, letter, 18); err != nil {
		return err
	}
	if c.Text {
		if err := t.f.SetColStyle(t.sheet, letter, text); err != nil {
			return err
		}
	}
	if err := errors.Join(t.f.SetCellStr(t.sheet, letter+"1", heading), t.f.SetCellStr(t.sheet, letter+"2", c.Example)); err != nil {
		return err
	}
	if c.Hint != "" {
		if err := t.f.AddComment(t.sheet, excelize.Comment{Cell: letter + "1", Author: author, Paragraph: []excelize.RichTextRun{{Text: c.Hint}}}); err != nil {
			return err
		}
	}
	return t.dropDown(letter, c.Options)
}

// dropDown offers the options. Another word is warned of, not refused: the
// importer knows more wordings than the list has.
func (t template) dropDown(letter string, options []string) error {
	if len(options) == 0 {
		return nil
	}
	for i, o := range options {
		if err := t.f.SetCellStr(listsSheet, fmt.Sprintf("%s%d", letter, i+1), o); err != nil {
			return err
		}
	}
	list := excelize.NewDataValidation(true)
	list.Sqref = fmt.Sprintf("%s2:%s%d", letter, letter, rowsOfLists)
	list.SetSqrefDropList(fmt.Sprintf("'%s'!$%s$1:$%s$%d", listsSheet, letter, letter, len(options)))
	list.SetError(excelize.DataValidationErrorStyleWarning, "不在列表中", "该内容不在下拉列表中，是否保留？")
	return t.f.AddDataValidation(t.sheet, list)
}

// guide explains the columns one by one.
func (t template) guide(columns []TemplateColumn, head int) error {
	rows := [][]any{{"列 / Column", "必填 / Required", "说明 / Hint", "示例 / Example", "可选值 / Options"}}
	for _, c := range columns {
		required := ""
		if c.Required {
			required = "是 / yes"
		}
		rows = append(rows, []any{c.Heading, required, c.Hint, c.Example, strings.Join(c.Options, "、")})
	}
	for i, row := range rows {
		if err := t.f.SetSheetRow(guideSheet, fmt.Sprintf("A%d", i+1), &row); err != nil {
			return err
		}
	}
	return errors.Join(t.f.SetCellStyle(guideSheet, "A1", "E1", head), t.f.SetColWidth(guideSheet, "A", "B", 18), t.f.SetColWidth(guideSheet, "C", "E", 50))
}
