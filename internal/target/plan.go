package target

import (
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
)

// YearShare is what a city plans for a year; nil where its plan gives no number.
type YearShare struct {
	Year  int64  `json:"year"`
	Value *int64 `json:"value"`
}

// Plan is a city's own plan (R2) as it is filed.
type Plan struct {
	Title    string
	Document string
	IssuedOn civil.Day
	Years    []YearShare
}

// Check returns what is wrong with a plan on the day today.
func (p Plan) Check(today civil.Day) []fault.Detail {
	var wrong []fault.Detail
	add := func(field, code string, message, mend bilingual.Text) {
		wrong = append(wrong, fault.Detail{Location: "body." + field, Code: code, Message: message, Mend: mend})
	}
	if !p.IssuedOn.Valid() || p.IssuedOn > today {
		add("issued_on", "date_invalid", bilingual.T("印发日期应为不晚于今天的日期", "the plan was issued on a day up to today"), bilingual.T("请按 2025-12-31 的格式填写", "write it as 2025-12-31"))
	}
	last := int64(0)
	for _, y := range p.Years {
		switch {
		case y.Year < 2000 || y.Year > 2100 || y.Year <= last:
			add("years", "order", bilingual.F("年份 %d 无效或未按先后排列", "the year %d is no year or out of order", y.Year), bilingual.T("每年一行，按年份排列", "one line a year, in their order"))
		case y.Value != nil && *y.Value < 0:
			add("years", "out_of_range", bilingual.F("%d 年的数量不能为负", "the count of %d cannot be negative", y.Year), bilingual.T("未给出数量时留空", "leave it empty where the plan gives no number"))
		}
		last = y.Year
	}
	return wrong
}

// Total returns the sum of the years, nil if any of them has no number.
func (p Plan) Total() *int64 {
	n := int64(0)
	for _, y := range p.Years {
		if y.Value == nil {
			return nil
		}
		n += *y.Value
	}
	return &n
}
