package subsidy

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"phaseout/internal/fault"
)

// TestAnApplicationGoesOnlyAlongItsTable proves F49 and F50 by property: what
// is final never moves, nothing is paid without check and approval, and money
// that was sent cannot be withdrawn.
func TestAnApplicationGoesOnlyAlongItsTable(t *testing.T) {
	acts := []Act{Submit, Wait, CallUp, Resume, Check, SendBack, Approve, Notice, Release, Reopen, Mend, Freeze, Thaw, Send, Pay, Return, Withdraw, Reject, Expire}
	for state, to := range moves {
		for act, next := range to {
			if !slices.Contains(acts, act) || !slices.Contains(States, next) || state.Final() {
				t.Errorf("%s by %s to %s is not of the vocabulary", state, act, next)
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		a := Application{State: Draft}
		var seen []Act
		for range 30 {
			act := rapid.SampledFrom(acts).Draw(t, "act")
			before := a.State
			after, err := a.Move(act)
			if err != nil {
				if !fault.Is(err, fault.Conflict) || after.State != before {
					t.Fatalf("refused with %v and moved to %s", err, after.State)
				}
				continue
			}
			if before.Final() {
				t.Fatalf("%s moved from the end by %s", before, act)
			}
			a, seen = after, append(seen, act)
		}
		if a.State == Paid {
			last := func(act Act) int {
				for i := len(seen) - 1; i >= 0; i-- {
					if seen[i] == act {
						return i
					}
				}
				return -1
			}
			changed := max(last(Submit), last(Reopen), last(SendBack))
			if last(Check) < changed || last(Approve) < last(Check) || last(Freeze) < last(Approve) {
				t.Fatalf("paid after %v", seen)
			}
		}
	})
}

// TestFourPeople proves F49 by property: in whatever order people take duties,
// no person ever has two of them, and nobody of the retirement checks,
// approves or pays.
func TestFourPeople(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		people := []string{"a", "b", "c", "d", "e"}
		involved := rapid.SliceOfN(rapid.SampledFrom(people), 0, 2).Draw(t, "involved")
		var taken []DutyTaken
		for range 20 {
			who, duty := rapid.SampledFrom(people).Draw(t, "who"), rapid.SampledFrom(Duties).Draw(t, "duty")
			err := MayTake(duty, who, taken, involved...)
			if err == nil {
				taken = append(taken, DutyTaken{PersonID: who, PersonName: "renamed each time", Duty: duty})
			} else if !fault.Is(err, fault.Denied) {
				t.Fatal(err)
			}
		}
		of := map[string]Duty{}
		for _, p := range taken {
			if d, had := of[p.PersonID]; had && d != p.Duty {
				t.Fatalf("%s did %s and %s", p.PersonID, d, p.Duty)
			}
			of[p.PersonID] = p.Duty
			if p.Duty != DutyEnter && slices.Contains(involved, p.PersonID) {
				t.Fatalf("%s retired it and did %s", p.PersonID, p.Duty)
			}
		}
	})
}

// TestPayeeIsCheckedLineByLine proves F53: Luhn for persons, length, bank code,
// exactly the owner's name.
func TestPayeeIsCheckedLineByLine(t *testing.T) {
	good := Entry{ApplicantKind: Person, PayeeName: "张三", PayeeBank: "某行", PayeeAccount: "6222020200000000005", PayeeBankCode: "102100099996"}
	for !Luhn(good.PayeeAccount) {
		last := good.PayeeAccount[18] + 1
		good.PayeeAccount = good.PayeeAccount[:18] + string(last)
	}
	for name, c := range map[string]struct {
		change func(*Entry)
		wrong  string
	}{
		"good":                  {func(*Entry) {}, ""},
		"another name":          {func(e *Entry) { e.PayeeName = "张三丰" }, "payee_name"},
		"the name with a blank": {func(e *Entry) { e.PayeeName = "张 三" }, "payee_name"},
		"no bank":               {func(e *Entry) { e.PayeeBank = "" }, "payee_bank"},
		"a slip in the card":    {func(e *Entry) { e.PayeeAccount = "1" + e.PayeeAccount[1:] }, "payee_account"},
		"a short card":          {func(e *Entry) { e.PayeeAccount = e.PayeeAccount[:15] }, "payee_account"},
		"letters":               {func(e *Entry) { e.PayeeAccount = "62220202ABCD00000" }, "payee_account"},
		"an account of a unit":  {func(e *Entry) { e.ApplicantKind, e.PayeeAccount = Unit, "430101234" }, ""},
		"a wrong bank code":     {func(e *Entry) { e.PayeeBankCode = "102100099997" }, "payee_bank_code"},
		"no bank code":          {func(e *Entry) { e.PayeeBankCode = "" }, ""},
	} {
		e := good
		c.change(&e)
		wrong := ""
		for _, line := range e.CheckPayee("张三") {
			if !line.Passed {
				wrong += line.Code
			}
		}
		if wrong != c.wrong {
			t.Errorf("%s: got %q, want %q", name, wrong, c.wrong)
		}
	}
}

// TestBankCodesAsPublished holds the check figure against published codes: F53.
func TestBankCodesAsPublished(t *testing.T) {
	for _, code := range []string{"102100099996", "103100000026", "104100000004", "105100000017", "313651027012", "313651024047", "313651021013", "313651022016", "313651020086",
		"313522004113", "313651018028", "313651019012", "313651017041", "313227600155", "313227600059", "402795602394", "402873300213", "402873400011", "402873300184", "402873300205"} {
		if !BankCode(code) {
			t.Errorf("%s is refused", code)
		}
		for i := range code {
			slip := []byte(code)
			slip[i] = '0' + (slip[i]-'0'+1)%10
			if BankCode(string(slip)) {
				t.Errorf("%s with a slip at %d is taken", code, i)
			}
		}
	}
	if BankCode("") || BankCode("10210009999") || BankCode("10210009999X") {
		t.Error("a code of another form is taken")
	}
}

// TestEntryIsCheckedByWindow proves F49's windows: who comes for themselves is
// the owner, an agent is somebody else.
func TestEntryIsCheckedByWindow(t *testing.T) {
	const owner = "430102190001010007"
	e := Entry{ApplicantKind: Unit, ApplicantPhone: "13900001234", BroughtBy: Agent, AgentName: "李四", AgentID: owner, AgentPhone: "13900001235", PayeeName: "某公司", PayeeBank: "B", PayeeAccount: "12345678"}
	codes := func(e Entry) (all []string) {
		for _, d := range e.Clean().Check("某公司", owner) {
			all = append(all, d.Location+" "+d.Code)
		}
		return all
	}
	if got := codes(e); !slices.Equal(got, []string{"body.agent_id agent_is_owner"}) {
		t.Errorf("the owner as agent: %v", got)
	}
	e.AgentID = "430902190001010019"
	if got := codes(e); len(got) != 0 {
		t.Errorf("a good entry: %v", got)
	}
	self := e
	self.BroughtBy = Self
	if err := self.Presented("430902190001010019", owner); !fault.Is(err, fault.Invalid) {
		t.Errorf("somebody else's document at the window: %v", err)
	}
	if err := self.Presented(" 430102190001010007 ", owner); err != nil {
		t.Errorf("the owner's own document: %v", err)
	}
	if got := codes(Entry{}); len(got) < 5 {
		t.Errorf("an empty entry lacks only %v", got)
	}
}

// TestChecklistNamesWhatIsMissing proves F49's papers: by kind of applicant and
// for agents.
func TestChecklistNamesWhatIsMissing(t *testing.T) {
	flow := DefaultFlow("p")
	missing := func(e Entry, files map[string][]string) (all []string) {
		f, _ := fault.As(MissingPapers(flow.Checklist(e, files)))
		if f != nil {
			for _, d := range f.Details {
				all = append(all, d.Location)
			}
		}
		return all
	}
	if got := missing(Entry{ApplicantKind: Person, BroughtBy: Self}, nil); !slices.Equal(got, []string{"papers.owner_document", "papers.bank_card"}) {
		t.Errorf("a person: %v", got)
	}
	if got := missing(Entry{ApplicantKind: Unit, BroughtBy: Agent}, map[string][]string{"account_permit": {"f"}}); !slices.Equal(got, []string{"papers.owner_document", "papers.not_public_funded", "papers.authorization", "papers.agent_document"}) {
		t.Errorf("a unit by an agent: %v", got)
	}
	if wrong := (Flow{Papers: []PaperRule{{"no_such", "any"}, {"bank_card", "any"}, {"bank_card", "any"}}}).Check(); len(wrong) != 2 {
		t.Errorf("an unknown paper and one twice: %v", wrong)
	}
}

// TestNamesAreMasked proves F50: a person's name with stars, a unit's in full.
func TestNamesAreMasked(t *testing.T) {
	for name, want := range map[[2]string]string{{"张三", Person}: "张*", {"张小三", Person}: "张*三", {"欧阳小明", Person}: "欧**明", {"某某公司", Unit}: "某某公司",
		{"长沙示例运输有限公司", ""}: "长沙示例运输有限公司", {"李四", ""}: "李*", {"", ""}: "*", {"买买提·吐尔逊", Person}: "买*****逊"} {
		if got := MaskName(name[0], name[1]); got != want {
			t.Errorf("%v: got %s, want %s", name, got, want)
		}
	}
}
