// Package signal looks for what is odd about subsidy applications taken
// together: shared accounts, rings, bought replacements, recycled photos. A
// signal is a question for a person, never an answer: it refuses nothing.
package signal

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"sort"
	"strings"

	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
)

// Kind of signal.
type Kind string

// The kinds.
const (
	Account     Kind = "account"     // one account for several owners
	Phone       Kind = "phone"       // one telephone for several owners
	Ring        Kind = "ring"        // agents and yards that keep meeting
	ZeroMonths  Kind = "zero_months" // at or past mandatory scrapping: would have gone anyway
	Replacement Kind = "replacement" // the new one is somebody else's
	Photos      Kind = "photos"      // the same picture for several assets
	Cluster     Kind = "cluster"     // many retirements on the last days
)

// Kinds lists every kind in the order in which they are shown.
var Kinds = []Kind{Account, Phone, Ring, Photos, Replacement, ZeroMonths, Cluster}

// Claim is what the signals look at of one application. Keys are hashes by
// which equal numbers are told; "" is none.
type Claim struct {
	ApplicationID    string
	CityCode         string
	Label            string
	Owner            string // name
	OwnerKey         string // the owner's number, or the name where there is none
	AccountKey       string
	PhoneKey         string
	AgentKey         string
	Yard             string
	RetiredOn        civil.Day
	ScrapDueOn       civil.Day
	Deadline         civil.Day // last day of the program
	ReplacementOwner string
	PhotoHashes      []string // the pictures that it carries, each by one content (Pictures)
	AlteredPhotos    []string // those of them that are elsewhere cropped, resized or mirrored
}

// Signal is one thing that is odd, in one city.
type Signal struct {
	Kind         Kind
	CityCode     string
	Subject      string // what it is about; the same for the same thing in the next run
	Score        int    // 0 to 100
	Reasons      []bilingual.Text
	Applications []string // of the city, sorted
	Facts        string   // hash of what it rests on: a decision stays while it does
}

// Thresholds from which a thing is odd. All are our assumptions.
const (
	manyOwners   = 2   // owners of one account or telephone
	ringEdges    = 3   // cases that an agent and a yard share
	clusterDays  = 7   // before the deadline
	clusterShare = 30  // per cent of the city's cases
	clusterLeast = 10  // cases
	topScore     = 100 //
)

// Find returns the signals of all claims, sorted. Claims of other cities are
// counted and not named.
func Find(claims []Claim) []Signal {
	var found []Signal
	found = append(found, shared(claims, Account, func(c Claim) string { return c.AccountKey },
		"同一收款账户用于 %d 个所有人", "one account is used for %d owners", 60)...)
	found = append(found, shared(claims, Phone, func(c Claim) string { return c.PhoneKey }, "同一联系电话用于 %d 个所有人", "one telephone is used for %d owners", 40)...)
	found = append(found, rings(claims)...)
	found = append(found, photos(claims)...)
	found = append(found, single(claims)...)
	found = append(found, clusters(claims)...)
	sort.Slice(found, func(i, j int) bool {
		a, b := found[i], found[j]
		if a.Score != b.Score {
			return a.Score > b.Score
		}
		return a.CityCode+string(a.Kind)+a.Subject < b.CityCode+string(b.Kind)+b.Subject
	})
	return found
}

// split makes one signal for each city that has a claim in a group.
func split(kind Kind, subject string, group []Claim, score int, reasons ...bilingual.Text) []Signal {
	byCity := map[string][]Claim{}
	var all []string
	for _, c := range group {
		byCity[c.CityCode] = append(byCity[c.CityCode], c)
		all = append(all, c.ApplicationID)
	}
	slices.Sort(all)
	var signals []Signal
	for city, own := range byCity {
		s := Signal{Kind: kind, CityCode: city, Subject: subject, Score: min(score, topScore), Reasons: slices.Clone(reasons), Facts: digest(append([]string{string(kind), subject}, all...)...)}
		var labels []string
		for _, c := range own {
			s.Applications = append(s.Applications, c.ApplicationID)
			labels = append(labels, c.Label)
		}
		slices.Sort(s.Applications)
		slices.Sort(labels)
		if len(labels) > 8 {
			labels = append(labels[:8], "…")
		}
		s.Reasons = append(s.Reasons, bilingual.T("本市涉及："+strings.Join(labels, "、"), "in this city: "+strings.Join(labels, ", ")))
		if others := len(group) - len(own); others > 0 {
			s.Reasons = append(s.Reasons, bilingual.F("另有外市 %d 件", "and %d in other cities", others))
		}
		signals = append(signals, s)
	}
	return signals
}

func digest(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:16])
}

func groups(claims []Claim, key func(Claim) string) map[string][]Claim {
	by := map[string][]Claim{}
	for _, c := range claims {
		if k := key(c); k != "" {
			by[k] = append(by[k], c)
		}
	}
	return by
}

func owners(group []Claim) int {
	seen := map[string]bool{}
	for _, c := range group {
		seen[c.OwnerKey] = true
	}
	return len(seen)
}

func shared(claims []Claim, kind Kind, key func(Claim) string, zh, en string, base int) []Signal {
	var found []Signal
	for k, group := range groups(claims, key) {
		if n := owners(group); n >= manyOwners {
			found = append(found, split(kind, k, group, base+10*(n-manyOwners), bilingual.F(zh, en, n))...)
		}
	}
	return found
}

// rings are the connected parts of the graph of agents and yards in which an
// agent and a yard share several cases of several owners.
func rings(claims []Claim) []Signal {
	type edge struct{ agent, yard string }
	edges := map[edge][]Claim{}
	for _, c := range claims {
		if c.AgentKey != "" && c.Yard != "" {
			edges[edge{c.AgentKey, c.Yard}] = append(edges[edge{c.AgentKey, c.Yard}], c)
		}
	}
	parent := map[string]string{}
	var root func(string) string
	root = func(x string) string {
		if parent[x] == "" || parent[x] == x {
			parent[x] = x
			return x
		}
		parent[x] = root(parent[x])
		return parent[x]
	}
	for e, cases := range edges {
		if len(cases) >= ringEdges && owners(cases) >= manyOwners {
			parent[root("agent "+e.agent)] = root("yard " + e.yard)
		}
	}
	parts := map[string][]Claim{}
	nodes := map[string]map[string]bool{}
	for e, cases := range edges {
		if len(cases) < ringEdges || owners(cases) < manyOwners {
			continue
		}
		r := root("yard " + e.yard)
		parts[r] = append(parts[r], cases...)
		if nodes[r] == nil {
			nodes[r] = map[string]bool{}
		}
		nodes[r]["agent "+e.agent], nodes[r]["yard "+e.yard] = true, true
	}
	var found []Signal
	for r, cases := range parts {
		var names, yards []string
		agents := 0
		for node := range nodes[r] {
			names = append(names, node)
			if yard, is := strings.CutPrefix(node, "yard "); is {
				yards = append(yards, yard)
			} else {
				agents++
			}
		}
		slices.Sort(names)
		slices.Sort(yards)
		found = append(found, split(Ring, digest(names...), cases, 40+5*(len(cases)-ringEdges)+10*(len(names)-2),
			bilingual.F("%d 名代办人与 %d 家回收企业反复同时出现，共 %d 件", "%d agents and %d yards keep meeting, in %d cases", agents, len(yards), len(cases)),
			bilingual.T("回收企业："+strings.Join(yards, "、"), "yards: "+strings.Join(yards, ", ")))...)
	}
	return found
}

func photos(claims []Claim) []Signal {
	by := map[string][]Claim{}
	for _, c := range claims {
		for _, h := range c.PhotoHashes {
			by[h] = append(by[h], c)
		}
	}
	var found []Signal
	for h, group := range by {
		seen := map[string]bool{}
		for _, c := range group {
			seen[c.ApplicationID] = true
		}
		if len(seen) > 1 {
			why := bilingual.F("同一照片用于 %d 件申请", "one picture serves %d applications", len(seen))
			if slices.ContainsFunc(group, func(c Claim) bool { return slices.Contains(c.AlteredPhotos, h) }) {
				why = bilingual.F("同一照片（含裁剪、缩放或镜像）用于 %d 件申请", "one picture, in part cropped, resized or mirrored, serves %d applications", len(seen))
			}
			found = append(found, split(Photos, h, group, 70+10*(len(seen)-2), why)...)
		}
	}
	return found
}

// single are the signals about one application alone.
func single(claims []Claim) []Signal {
	var found []Signal
	for _, c := range claims {
		if c.RetiredOn != "" && c.ScrapDueOn != "" && c.RetiredOn.AddMonths(1) > c.ScrapDueOn {
			found = append(found, split(ZeroMonths, c.ApplicationID+string(c.RetiredOn)+string(c.ScrapDueOn), []Claim{c}, 50,
				bilingual.F("注销日期 %s，强制报废期止 %s，不足 1 个月：本来就要报废", "deregistered %s, to be scrapped by %s, less than a month: it would have gone anyway", c.RetiredOn, c.ScrapDueOn))...)
		}
		if c.ReplacementOwner != "" && c.ReplacementOwner != c.Owner {
			found = append(found, split(Replacement, c.ApplicationID+c.ReplacementOwner, []Claim{c}, 45,
				bilingual.F("新购登记在“%s”名下，与所有人不同", "the new one is registered to %q, who is not the owner", c.ReplacementOwner))...)
		}
	}
	return found
}

// clusters are the cities where a large part of a program's retirements lies
// on the days before its end.
func clusters(claims []Claim) []Signal {
	var found []Signal
	for k, group := range groups(claims, func(c Claim) string {
		if c.Deadline == "" || c.RetiredOn == "" {
			return ""
		}
		return c.CityCode + " " + string(c.Deadline)
	}) {
		var late []Claim
		for _, c := range group {
			if c.RetiredOn <= c.Deadline && c.RetiredOn > c.Deadline.AddDays(-clusterDays) {
				late = append(late, c)
			}
		}
		share := 100 * len(late) / len(group)
		if len(late) < clusterLeast || share < clusterShare {
			continue
		}
		found = append(found, split(Cluster, k, late, share, bilingual.F("截止日 %s 前 %d 天内注销 %d 件，占该方案 %d%%", "%[3]d deregistered within %[2]d days before %[1]s, %[4]d%% of the program",
			late[0].Deadline, clusterDays, len(late), share))...)
	}
	return found
}

// Text puts reasons together, one a line.
func Text(reasons []bilingual.Text, lang bilingual.Lang) string {
	var b strings.Builder
	for _, r := range reasons {
		fmt.Fprintln(&b, r.In(lang))
	}
	return strings.TrimSpace(b.String())
}
