package yard_test

import (
	"fmt"
	"slices"
	"testing"

	"phaseout/internal/civil"
	"phaseout/internal/registry"
	"phaseout/internal/yard"
)

func micro(n int64) *int64 { return &n }

func good() yard.Yard {
	return yard.Yard{Name: "长沙示例再生资源有限公司", CreditCode: "91430100MA00000003", CityCode: "430100", Classes: []registry.Class{registry.Truck, registry.Machinery},
		LatE6: micro(28_200_000), LonE6: micro(112_900_000), Licences: []yard.Licence{{Number: "湘A-001", From: "2023-01-01", To: "2025-06-30"}}}
}

// TestYardFactsAreChecked proves F33: each wrong fact is named by its field.
func TestYardFactsAreChecked(t *testing.T) {
	if wrong := good().Check(); len(wrong) > 0 {
		t.Errorf("a good yard: %v", wrong)
	}
	for field, spoil := range map[string]func(*yard.Yard){
		"body.name":                func(y *yard.Yard) { y.Name = " （） " },
		"body.credit_code":         func(y *yard.Yard) { y.CreditCode = "91430100MA00000004" },
		"body.classes":             func(y *yard.Yard) { y.Classes = nil },
		"body.latitude":            func(y *yard.Yard) { y.LatE6 = micro(112_900_000) },
		"body.capacity_per_month":  func(y *yard.Yard) { y.CapacityPerMonth = -1 },
		"body.licence_no":          func(y *yard.Yard) { y.Licences[0].Number = "" },
		"body.valid_to":            func(y *yard.Yard) { y.Licences[0].To = "2022-01-01" },
		"body.certificate_pattern": func(y *yard.Yard) { y.CertificatePattern = "(" },
		"body.valid_from": func(y *yard.Yard) {
			y.Licences = append(y.Licences, yard.Licence{Number: "湘A-002", From: "2025-06-30", To: "2027-01-01"})
		},
	} {
		y := good()
		spoil(&y)
		wrong := y.Clean().Check()
		if len(wrong) != 1 || wrong[0].Location != field || wrong[0].Message.ZH == "" || wrong[0].Mend.EN == "" {
			t.Errorf("%s: %v", field, wrong)
		}
	}
}

// TestYardTakesOnlyWhatItMayOnTheDay proves F33: both ends of a licence and of
// a block, the class, and that a black-listing outweighs a suspension.
func TestYardTakesOnlyWhatItMayOnTheDay(t *testing.T) {
	y := good()
	y.Licences = append(y.Licences, yard.Licence{Number: "湘A-002", From: "2025-08-01", To: "2027-07-31"})
	y.Blocks = []yard.Block{
		{Kind: yard.Suspended, From: "2024-03-01", To: "2024-03-31", Reason: "环境违法"},
		{Kind: yard.Suspended, From: "2026-01-01", Reason: "整改"}, {Kind: yard.Blacklisted, From: "2026-02-01", Reason: "伪造证明"},
	}
	for _, c := range []struct {
		class registry.Class
		day   civil.Day
		want  string
	}{
		{registry.Truck, "2022-12-31", "yard_unlicensed"}, {registry.Truck, "2023-01-01", ""},
		{registry.Truck, "2024-02-29", ""}, {registry.Truck, "2024-03-01", "yard_suspended"}, {registry.Truck, "2024-03-31", "yard_suspended"}, {registry.Truck, "2024-04-01", ""},
		{registry.Truck, "2025-06-30", ""}, {registry.Truck, "2025-07-01", "yard_unlicensed"}, {registry.Truck, "2025-08-01", ""},
		{registry.Truck, "2026-01-01", "yard_suspended"}, {registry.Truck, "2026-02-01", "yard_blacklisted"}, {registry.Vessel, "2025-08-01", "yard_class"},
	} {
		got := ""
		if wrong := y.Takes(c.class, c.day); len(wrong) > 0 {
			got = wrong[0].Code
		}
		if got != c.want {
			t.Errorf("%s on %s: got %q, want %q", c.class, c.day, got, c.want)
		}
	}
}

// TestNearestNamesAreOffered proves F33: a slip in the name leads to the yard that is meant.
func TestNearestNamesAreOffered(t *testing.T) {
	names := []string{"长沙示例再生资源有限公司", "长沙演示报废车回收有限公司", "株洲样本报废汽车回收有限公司"}
	if near := yard.Nearest(names, "长沙市示例再生资源公司", 3); len(near) == 0 || near[0] != names[0] {
		t.Errorf("near: %v", near)
	}
	if near := yard.Nearest(names, "北京某某某", 3); len(near) != 0 {
		t.Errorf("nothing is near: %v", near)
	}
	if yard.NameKey("示例（长沙）回收 有限公司") != yard.NameKey("示例(长沙)回收有限公司") {
		t.Error("width and blanks matter")
	}
}

// TestCertificateNumbersAreComparedByWhatTheySay proves F32: one certificate
// written in other ways is the same; only a form with a source is an error.
func TestCertificateNumbersAreComparedByWhatTheySay(t *testing.T) {
	for _, same := range []string{"ＨＳ－０００１２", "hs 00012", "HS—00012", "HS-000-12"} {
		if yard.CertificateKey(same) != yard.CertificateKey("HS-00012") {
			t.Errorf("%q has key %q", same, yard.CertificateKey(same))
		}
	}
	y := good()
	y.CertificatePattern = `HS-\d{6}-\d{4}`
	if errs, doubts := yard.CheckNumber(&y, "HS-430100-0001"); len(errs)+len(doubts) != 0 {
		t.Errorf("a good number: %v %v", errs, doubts)
	}
	if errs, doubts := yard.CheckNumber(&y, "HS-1"); len(errs) != 0 || len(doubts) != 1 {
		t.Errorf("no source, so a doubt: %v %v", errs, doubts)
	}
	y.PatternSource = "湘商建〔2024〕1号"
	if errs, _ := yard.CheckNumber(&y, "xHS-430100-0001"); len(errs) != 1 || errs[0].Code != "certificate_form" {
		t.Errorf("with a source an error: %v", errs)
	}
	if errs, _ := yard.CheckNumber(nil, "--"); len(errs) != 1 {
		t.Errorf("no number at all: %v", errs)
	}
	if _, doubts := yard.CheckNumber(nil, "A?"); len(doubts) != 1 {
		t.Error("a strange number is no doubt")
	}
}

// TestGapsAndBursts proves F32: what is missing in a series, a day that stands
// out of the yard's own history, and the rush before a deadline.
func TestGapsAndBursts(t *testing.T) {
	var issued []yard.Issued
	add := func(n int, on civil.Day) {
		issued = append(issued, yard.Issued{Number: fmt.Sprintf("HS-%04d", n), On: on})
	}
	for n, day := 1, civil.Day("2025-01-02"); n <= 40; n, day = n+1, day.AddDays(5) {
		add(n, day)
	}
	issued = append(issued[:9], issued[12:]...) // 10, 11, 12
	issued = append(issued, yard.Issued{Number: "HS-9000", On: "2025-02-02"}, yard.Issued{Number: "QT-0003", On: "2025-02-02"})
	gaps := yard.Gaps(issued)
	if len(gaps) != 1 || gaps[0].From != "HS-0010" || gaps[0].To != "HS-0012" || gaps[0].Count != 3 {
		t.Errorf("gaps: %+v", gaps)
	}
	if b := yard.Bursts(issued, nil); len(b) != 0 {
		t.Errorf("no burst: %+v", b)
	}
	for n := 100; n < 107; n++ {
		add(n, "2025-08-01")
	}
	for n := 200; n < 212; n++ {
		add(n, civil.Day("2025-12-22").AddDays(n%10))
	}
	add(300, "2025-10-10")
	kinds := []string{}
	for _, b := range yard.Bursts(issued, []civil.Day{"2025-12-31", "2025-06-30"}) {
		kinds = append(kinds, b.Kind+" "+string(b.From))
	}
	if !slices.Equal(kinds, []string{"day 2025-08-01", "deadline 2025-12-22"}) {
		t.Errorf("bursts: %v", kinds)
	}
}
