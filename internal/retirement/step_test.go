package retirement

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"phaseout/internal/access"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
)

// TestEveryPairOfStandingAndDeed proves F27: it walks every pair of the table.
// What is not listed here is refused.
func TestEveryPairOfStandingAndDeed(t *testing.T) {
	published := map[Standing]string{
		AtDeclared:     "received>received dismantled>dismantled deregistered>deregistered amend>* return>returned withdraw>withdrawn",
		AtReceived:     "dismantled>dismantled deregistered>deregistered amend>* return>returned withdraw>withdrawn",
		AtDismantled:   "deregistered>deregistered amend>* return>returned withdraw>withdrawn",
		AtDeregistered: "dismantled>deregistered amend>* verify>verified return>returned withdraw>withdrawn",
		AtReturned:     "amend>* withdraw>withdrawn",
		AtVerified:     "correct>verified withdraw>withdrawn",
		AtWithdrawn:    "",
	}
	for _, from := range Standings {
		list := strings.Fields(published[from])
		for _, deed := range Deeds {
			to, may := Allowed(from, deed)
			want := ""
			for _, entry := range list {
				if name, leads, _ := strings.Cut(entry, ">"); name == string(deed) {
					want = strings.Replace(leads, "*", string(asDays), 1)
				}
			}
			if may != (want != "") || string(to) != want {
				t.Errorf("%s, %s: got %q, want %q", from, deed, to, want)
			}
			if err := (Retirement{}).as(from).Guard(deed); (err == nil) != may {
				t.Errorf("%s, %s: the guard says %v", from, deed, err)
			}
		}
	}
}

// as is a retirement that stands somewhere.
func (r Retirement) as(s Standing) Retirement {
	r.State = Declared
	switch s {
	case AtReceived:
		r.HandedInOn = "2025-01-01"
	case AtDismantled:
		r.DismantledOn = "2025-01-02"
	case AtDeregistered:
		r.DeregisteredOn = "2025-01-03"
	case AtVerified:
		r.State, r.DeregisteredOn = Verified, "2025-01-03"
	case AtReturned:
		r.State = Returned
	case AtWithdrawn:
		r.State = Withdrawn
	}
	return r
}

// TestEveryStepOfEveryWay proves F27 and F29 for every class and way out: steps
// are taken in their order, once each, and only those that the way has.
func TestEveryStepOfEveryWay(t *testing.T) {
	for _, spec := range registry.Classes() {
		for _, way := range spec.WaysOut {
			if len(way.Steps) == 0 || !way.Has("deregistered") {
				t.Errorf("%s %s has no course", spec.Class, way.Code)
			}
			for taken := range 8 {
				r := Retirement{State: Declared, Declaration: Declaration{WayOut: way.Code}}
				done := map[string]bool{}
				for i, step := range Steps {
					if taken>>i&1 == 1 {
						r.Declaration, done[string(step)] = r.With(step, civil.Day("2025-01-01").AddDays(i)), true
					}
				}
				for _, step := range Steps {
					want := way.Has(string(step)) && !done[string(step)]
					for _, s := range way.Steps {
						for _, earlier := range s.After {
							want = want && (s.Code != string(step) || done[earlier])
						}
					}
					_, tabled := Allowed(r.Standing(), step)
					after, err := r.Log(way, step, "2025-02-01", nil)
					if (err == nil) != (want && tabled) || (err == nil && after.DayOf(step) != "2025-02-01") {
						t.Errorf("%s %s, %v done: %s gives %v", spec.Class, way.Code, done, step, err)
					}
					if err != nil && !fault.Is(err, fault.Conflict) {
						t.Errorf("%s %s: %v", spec.Class, way.Code, err)
					}
				}
			}
		}
	}
}

// TestEveryWayOutIsWhole proves F29: each way says what it counts as and what
// proves it, and every item waits for a step that the way has.
func TestEveryWayOutIsWhole(t *testing.T) {
	for _, spec := range registry.Classes() {
		for _, way := range spec.WaysOut {
			seen := map[string]bool{}
			for _, e := range way.Evidence {
				if seen[e.Code] || e.Name.ZH == "" || e.Name.EN == "" || (e.Kind != "field" && e.Kind != "file") || (e.Before != "" && !way.Has(e.Before)) {
					t.Errorf("%s %s: item %+v", spec.Class, way.Code, e)
				}
				seen[e.Code] = true
			}
			if !seen["deregistered_on"] || !slices.Contains([]string{"retired", "converted", "moved", "other"}, way.CountsAs) {
				t.Errorf("%s %s counts as %s", spec.Class, way.Code, way.CountsAs)
			}
			r := Retirement{State: Verified, Declaration: Declaration{WayOut: way.Code, HandedInOn: "2025-01-01", DeregisteredOn: "2025-02-01"}, EvidenceComplete: true}
			c := Count("2020-01-01", way, &r)
			if (c.VerifiedOn != "") != (way.CountsAs == "retired") || (c.ConvertedOn != "") != (way.CountsAs == "converted") || (c.MovedOutOn != "") != (way.CountsAs == "moved") {
				t.Errorf("%s %s: %+v", spec.Class, way.Code, c)
			}
			r.State = Withdrawn
			if got := Count("2020-01-01", way, &r); got != (Counting{CohortOn: "2020-01-01"}) {
				t.Errorf("%s %s withdrawn counts: %+v", spec.Class, way.Code, got)
			}
		}
	}
	if got := strings.Join(registry.EvidenceFileKinds(), " "); !strings.Contains(got, "photo_front") || !strings.Contains(got, "ownership_cancelled") {
		t.Errorf("file kinds: %s", got)
	}
}

// TestOneTableSaysWhoLogsWhat proves F27.
func TestOneTableSaysWhoLogsWhat(t *testing.T) {
	for _, role := range access.Roles {
		for _, step := range Steps {
			if role == access.Clerk && !MayLog(role, step) || slices.Contains([]access.Role{access.Reviewer, access.Finance, access.Auditor, access.Admin, access.Province}, role) && MayLog(role, step) {
				t.Errorf("%s logs %s: %v", role, step, MayLog(role, step))
			}
		}
	}
}

// TestClockStrikesAfterTheLimit proves F38, on both sides of each limit.
func TestClockStrikesAfterTheLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := Limit{Days: rapid.IntRange(1, 400).Draw(t, "days"), EscalateDays: rapid.IntRange(1, 400).Draw(t, "more")}
		since := civil.Day("2024-02-27").AddDays(rapid.IntRange(0, 800).Draw(t, "since"))
		age := rapid.IntRange(0, 1000).Draw(t, "age")
		today := since.AddDays(age)
		o := l.Clock(since, today)
		level := 0
		if age > l.Days {
			level = 1
		}
		if age > l.Days+l.EscalateDays {
			level = 2
		}
		if o.Level != level || o.Late != max(0, age-l.Days) || o.DueOn != since.AddDays(l.Days) {
			t.Fatalf("after %d days of %d and %d: %+v", age, l.Days, l.EscalateDays, o)
		}
		if (since < l.LateBefore(today)) != (o.Late > 0) {
			t.Fatalf("the list and the clock differ: %s, %+v", since, o)
		}
	})
}

// TestRequestIsDecidedByAnother proves F30 and F39.
func TestRequestIsDecidedByAnother(t *testing.T) {
	open := Request{State: RequestOpen, RequestedBy: "clerk"}
	for _, c := range []struct {
		name    string
		q       Request
		approve bool
		answer  string
		by      string
		kind    fault.Kind
		state   string
	}{
		{"approved", open, true, "", "reviewer", "", RequestApproved},
		{"refused", open, false, "no", "reviewer", "", RequestRefused},
		{"refused without a reason", open, false, " ", "reviewer", fault.Invalid, ""},
		{"their own", open, true, "", "clerk", fault.Denied, ""},
		{"twice", Request{State: RequestApproved, RequestedBy: "clerk"}, true, "", "reviewer", fault.Conflict, ""},
	} {
		after, err := c.q.Decide(c.approve, c.answer, access.Actor{ID: c.by}, time.Unix(0, 0))
		if c.kind != "" && !fault.Is(err, c.kind) || c.kind == "" && (err != nil || after.State != c.state) {
			t.Errorf("%s: got %s, %v", c.name, after.State, err)
		}
	}
}

// TestOpenChecksAreThoseThatFoundSomething proves F36.
func TestOpenChecksAreThoseThatFoundSomething(t *testing.T) {
	open := OpenChecks([]PreCheck{{Kind: "dues", State: CheckOpen}, {Kind: "seizure", State: CheckClear}, {Kind: "mortgage", State: CheckOpen}})
	if len(open) != 2 || open[0].Kind != "mortgage" || open[1].Kind != "dues" {
		t.Errorf("open: %v", open)
	}
}

// TestDeclarationFitsItsWay proves F27 and F29: a declaration keeps no day of a
// step that its way out has not, no yard where none takes the asset in and no
// engine where none is put in; the days of steps that wait for one another are
// in their order; half a way out is not the whole.
func TestDeclarationFitsItsWay(t *testing.T) {
	full := Declaration{HandedInOn: "2025-01-01", DismantledOn: "2025-02-01", DeregisteredOn: "2025-03-01", Recycler: "某厂", YardID: "y", CertificateNo: "HS-1",
		EngineNo: "E1", EngineModel: "M", EngineStage: "china4"}
	for _, spec := range registry.Classes() {
		for _, way := range spec.WaysOut {
			d := full
			d.WayOut = way.Code
			fitted, dropped := d.Fit(way)
			for _, step := range Steps {
				if (fitted.DayOf(step) != "") != way.Has(string(step)) {
					t.Errorf("%s %s keeps %v of the day %s", spec.Class, way.Code, fitted.DayOf(step), step)
				}
				if half := (Declaration{WayOut: way.Code}).With(step, "2025-01-01"); step != Deregister && slices.Contains([]registry.Status{registry.MovedOut, registry.Converted, registry.PlateVoid, registry.Deregistered}, half.StatusOf(way)) {
					t.Errorf("%s %s is %s with the day %s alone", spec.Class, way.Code, half.StatusOf(way), step)
				}
			}
			throughYard := way.Has("received")
			if (fitted.Recycler != "") != throughYard || (fitted.YardID != "") != throughYard || (fitted.CertificateNo != "") != throughYard || (fitted.EngineNo != "") != (way.MinStage != "") {
				t.Errorf("%s %s keeps %+v", spec.Class, way.Code, fitted)
			}
			if again, rest := fitted.Fit(way); again != fitted || len(rest) != 0 || slices.Contains(dropped, "recycler") == throughYard {
				t.Errorf("%s %s: %v dropped, then %v", spec.Class, way.Code, dropped, rest)
			}
			fitted.DeregisteredOn = "2025-01-15"
			late := slices.ContainsFunc(fitted.Check(registry.Asset{}, spec, "2025-12-31"), func(f fault.Detail) bool { return f.Location == "body.deregistered_on" && f.Code == "date_order" })
			if late != way.Waits("deregistered", "dismantled") {
				t.Errorf("%s %s: out of the register before it is dismantled is out of order: %v", spec.Class, way.Code, late)
			}
		}
	}
	machinery, _ := registry.SpecOf(registry.Machinery)
	machinery.Stages = []registry.Option{{Code: "unknown"}, {Code: "china3"}, {Code: "china4"}}
	for stage, good := range map[string]bool{"unknown": false, "china3": false, "china4": true} {
		d := Declaration{WayOut: "re_engined", EngineNo: "E1", EngineStage: stage, DeregisteredOn: "2025-01-01"}
		if wrong := d.Check(registry.Asset{}, machinery, "2025-12-31"); (len(wrong) == 0) != good {
			t.Errorf("an engine of stage %s: %v", stage, wrong)
		}
	}
}
