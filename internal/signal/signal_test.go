package signal

import (
	"fmt"
	"slices"
	"testing"

	"phaseout/internal/civil"
)

func claim(n int, change ...func(*Claim)) Claim {
	c := Claim{ApplicationID: fmt.Sprintf("a%03d", n), CityCode: "430100", Label: fmt.Sprintf("湘A%05d", n), Owner: fmt.Sprintf("O%d", n), OwnerKey: fmt.Sprintf("k%d", n),
		AccountKey: fmt.Sprintf("acc%d", n), PhoneKey: fmt.Sprintf("tel%d", n), RetiredOn: "2025-06-01", ScrapDueOn: "2027-06-01", Deadline: "2025-12-31"}
	for _, f := range change {
		f(&c)
	}
	return c
}

// TestSignalsAreFoundAndExplained proves F59: each kind at both sides of its
// threshold, with score and reasons.
func TestSignalsAreFoundAndExplained(t *testing.T) {
	set := func(f func(c *Claim)) func(*Claim) { return f }
	ring := func(n int) (all []Claim) {
		for i := range n {
			all = append(all, claim(i, set(func(c *Claim) { c.AgentKey, c.Yard = "g", "某回收" })))
		}
		return all
	}
	late := func(n, of int) (all []Claim) {
		for i := range of {
			day := civil.Day("2025-06-01")
			if i < n {
				day = "2025-12-28"
			}
			all = append(all, claim(i, set(func(c *Claim) { c.RetiredOn = day })))
		}
		return all
	}
	for name, c := range map[string]struct {
		claims []Claim
		want   []Kind
	}{
		"nothing odd":                  {[]Claim{claim(1), claim(2)}, nil},
		"one account, two owners":      {[]Claim{claim(1), claim(2, set(func(c *Claim) { c.AccountKey = "acc1" }))}, []Kind{Account}},
		"one account, one owner":       {[]Claim{claim(1), claim(2, set(func(c *Claim) { c.AccountKey, c.OwnerKey = "acc1", "k1" }))}, nil},
		"one telephone":                {[]Claim{claim(1), claim(2, set(func(c *Claim) { c.PhoneKey = "tel1" }))}, []Kind{Phone}},
		"no telephone":                 {[]Claim{claim(1, set(func(c *Claim) { c.PhoneKey = "" })), claim(2, set(func(c *Claim) { c.PhoneKey = "" }))}, nil},
		"a ring":                       {ring(3), []Kind{Ring}},
		"twice is no ring":             {ring(2), nil},
		"a month before":               {[]Claim{claim(1, set(func(c *Claim) { c.ScrapDueOn = "2025-07-01" }))}, nil},
		"less than a month before":     {[]Claim{claim(1, set(func(c *Claim) { c.ScrapDueOn = "2025-06-30" }))}, []Kind{ZeroMonths}},
		"another's replacement":        {[]Claim{claim(1, set(func(c *Claim) { c.ReplacementOwner = "X" }))}, []Kind{Replacement}},
		"the owner's replacement":      {[]Claim{claim(1, set(func(c *Claim) { c.ReplacementOwner = "O1" }))}, nil},
		"one picture for two":          {[]Claim{claim(1, set(func(c *Claim) { c.PhotoHashes = []string{"h"} })), claim(2, set(func(c *Claim) { c.PhotoHashes = []string{"h"} }))}, []Kind{Photos}},
		"one picture twice in one":     {[]Claim{claim(1, set(func(c *Claim) { c.PhotoHashes = []string{"h", "h"} }))}, nil},
		"ten of thirty before the end": {late(10, 30), []Kind{Cluster}},
		"nine of ten before the end":   {late(9, 10), nil},
		"ten of forty before the end":  {late(10, 40), nil},
	} {
		var got []Kind
		for _, s := range Find(c.claims) {
			got = append(got, s.Kind)
			if s.Score < 1 || s.Score > 100 || len(s.Reasons) < 2 || len(s.Applications) == 0 || s.Facts == "" {
				t.Errorf("%s: %+v", name, s)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

// TestSignalsOfACityNameNoOther proves F59 and F75: over two cities each gets
// its own lines, and the count of the other's; the same facts have the same
// hash, new ones another.
func TestSignalsOfACityNameNoOther(t *testing.T) {
	far := func(c *Claim) { c.CityCode, c.AccountKey = "430200", "acc1" }
	found := Find([]Claim{claim(1), claim(2, far)})
	if len(found) != 2 {
		t.Fatalf("%d signals", len(found))
	}
	for _, s := range found {
		if len(s.Applications) != 1 {
			t.Errorf("%s names %v", s.CityCode, s.Applications)
		}
	}
	again := Find([]Claim{claim(2, far), claim(1)})
	if again[0].Facts != found[0].Facts || again[0].Subject != found[0].Subject {
		t.Error("the same facts have another hash")
	}
	more := Find([]Claim{claim(1), claim(2, far), claim(3, far)})
	if more[0].Facts == found[0].Facts || more[0].Subject != found[0].Subject {
		t.Error("new facts keep the hash, or the subject changed")
	}
}
