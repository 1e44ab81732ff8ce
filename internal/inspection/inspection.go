// Package inspection is the pure domain of cross checks between cities (R28):
// how risky a retirement looks and why, which ones a seed draws, and which
// city's team goes there. Everything that a draw decides follows from its
// published list and its seed, so that anyone can do it again; the algorithm is
// written down in docs/inspection-draws.md.
package inspection

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"phaseout/internal/bilingual"
)

// Facts is what is known of a retirement before it is drawn.
type Facts struct {
	YardInspected int // how often retirements of its yard were inspected, and how often something was wrong
	YardFindings  int
	PhotoMatches  int // photos that were found on another record, whatever was decided
	GraveDoubts   int // photos that cannot be what they are said to be
	NoMetadata    int // photos that do not say when they were taken
	Waivers       int // evidence that a second person did without
	Undated       int // photos from before a dismantling of which no day is given, and which nobody did without by name
	Burst         bool
	NoYard        bool // its recycler is not in the register
}

// Reason is one part of a weight.
type Reason struct {
	Code   string
	Points int
	Text   bilingual.Text
}

// heaviest is the highest weight: no retirement is drawn more than so many
// times as likely as one without any doubt, so that the draw stays a check on all.
const heaviest = 20

// Weigh returns how many tickets a retirement has in the draw, 1 to 20, and why.
// The points are our own choice; no rule sets them.
func Weigh(f Facts) (int, []Reason) {
	reasons := []Reason{{"base", 1, bilingual.T("每条记录 1 份", "1 for every record")}}
	add := func(code string, points int, zh, en string, args ...any) {
		if points > 0 {
			reasons = append(reasons, Reason{code, points, bilingual.F(zh, en, args...)})
		}
	}
	if f.YardFindings > 0 {
		add("yard_history", min(8, 2+6*f.YardFindings/max(1, f.YardInspected)), "该企业此前 %[2]d 次检查中 %[1]d 次有问题", "of its yard %[1]d of %[2]d inspections found something", f.YardFindings, f.YardInspected)
	}
	add("photo_match", min(6, 3*f.PhotoMatches), "%d 张照片与其他记录相同或相似", "%d photos are alike another record's", f.PhotoMatches)
	add("photo_doubt", min(4, 2*f.GraveDoubts), "%d 张照片的拍摄时间或位置不合理", "%d photos of an impossible time or place", f.GraveDoubts)
	add("no_metadata", min(2, f.NoMetadata), "%d 张照片没有拍摄信息", "%d photos do not say when they were taken", f.NoMetadata)
	add("waiver", min(4, 2*f.Waivers), "%d 项材料获准免交", "%d items of evidence were waived", f.Waivers)
	// More than the waivers: what is passed by in silence is not let off lighter than what somebody answers for.
	add("undated", min(6, 2*f.Undated), "未填拆解日期，且缺少 %d 项拆解前照片", "no day of dismantling, and %d photos from before it are missing", f.Undated)
	if f.Burst {
		add("burst", 3, "证明开具于异常集中的日期", "its certificate is of a day that stands out")
	}
	if f.NoYard {
		add("no_yard", 2, "回收企业不在名录中", "its recycler is not in the register")
	}
	total := 0
	for _, r := range reasons {
		total += r.Points
	}
	return min(heaviest, total), reasons
}

// Line is one retirement of the population of a draw.
type Line struct {
	ID     string // of the retirement
	City   string // GB/T 2260 code
	Weight int
}

// Commitment returns what is published of a seed before the draw: its SHA-256 in
// hexadecimal.
func Commitment(seed string) string { return digest(seed) }

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// PopulationHash returns the SHA-256 of the population: a line "id,city,weight"
// for each retirement in the order of the ids, each ended by a line feed.
func PopulationHash(lines []Line) string {
	sorted := slices.Clone(lines)
	slices.SortFunc(sorted, func(a, b Line) int { return strings.Compare(a.ID, b.ID) })
	var b strings.Builder
	for _, l := range sorted {
		fmt.Fprintf(&b, "%s,%s,%d\n", l.ID, l.City, l.Weight)
	}
	return digest(b.String())
}

// Key returns the text from which a draw is made: the seed, and after a bar the
// public number that was added at the draw, if there is one.
func Key(seed, beacon string) string {
	if beacon == "" {
		return seed
	}
	return seed + "|" + beacon
}

// Score returns the lowest of a line's tickets. Ticket n is the SHA-256 of
// "key|id|n" in hexadecimal, n from 1 to the weight: who has more tickets has a
// lower one.
func Score(key string, l Line) string {
	lowest := ""
	for n := 1; n <= l.Weight; n++ {
		if ticket := digest(fmt.Sprintf("%s|%s|%d", key, l.ID, n)); lowest == "" || ticket < lowest {
			lowest = ticket
		}
	}
	return lowest
}

// Draw returns the lines of each city with the lowest scores, at most perCity,
// the lowest first, city by city.
func Draw(key string, lines []Line, perCity int) []Line {
	type scored struct {
		Line
		score string
	}
	byCity := map[string][]scored{}
	for _, l := range lines {
		byCity[l.City] = append(byCity[l.City], scored{l, Score(key, l)})
	}
	cities := make([]string, 0, len(byCity))
	for c := range byCity {
		cities = append(cities, c)
	}
	slices.Sort(cities)
	var drawn []Line
	for _, c := range cities {
		list := byCity[c]
		slices.SortFunc(list, func(a, b scored) int { return strings.Compare(a.score+a.ID, b.score+b.ID) })
		for _, s := range list[:min(perCity, len(list))] {
			drawn = append(drawn, s.Line)
		}
	}
	return drawn
}

// Assign returns for each drawn line the city whose team inspects it: never its
// own. The k-th line of a city, from 0, goes to the city that stands
// 1 + (k + first) mod (n-1) places after it in the order of the codes, where
// first is the first eight hexadecimal digits of the SHA-256 of "key|city" as a
// number, and n the number of cities.
func Assign(key string, drawn []Line, cities []string) map[string]string {
	teams := map[string]string{}
	sorted := slices.Clone(cities)
	slices.Sort(sorted)
	if len(sorted) < 2 {
		return teams
	}
	count := map[string]int{}
	for _, l := range drawn {
		own := slices.Index(sorted, l.City)
		if own < 0 {
			continue
		}
		var first int
		_, _ = fmt.Sscanf(digest(key + "|" + l.City)[:8], "%x", &first)
		step := 1 + (count[l.City]+first)%(len(sorted)-1)
		teams[l.ID] = sorted[(own+step)%len(sorted)]
		count[l.City]++
	}
	return teams
}
