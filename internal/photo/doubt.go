package photo

import (
	"math"
	"slices"

	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
)

// Doubt is something about a photo that a reviewer should know. Grave ones
// cannot be if the photo is what it is said to be; the others only say that
// less is known than could be.
type Doubt struct {
	Code  string
	Grave bool
	Text  bilingual.Text
}

// Circumstances is what a photo's facts are laid against. Empty days and a nil
// place are not known.
type Circumstances struct {
	Today        civil.Day
	RegisteredOn civil.Day // of the asset
	HandedInOn   civil.Day
	DismantledOn civil.Day
	Stage        string // "before", "during", "after", or "" if the slot does not say
	YardLatE6    *int64
	YardLonE6    *int64
	// Others are the instants of the other photos of the retirement by stage.
	Others map[string][]string
}

// Shot is one photo of a retirement.
type Shot struct {
	Facts
	Stage   string // as in Circumstances
	Refused bool   // it is no evidence, so that others are not compared with it
	Tiny    bool   // too small to be compared with others
}

// DoubtsOf returns for each photo of one retirement what is doubtful about it.
// Stage and Others of c are filled in from the photos.
func DoubtsOf(shots []Shot, c Circumstances) [][]Doubt {
	c.Others = map[string][]string{}
	for _, s := range shots {
		if s.Stage != "" && !s.Refused {
			c.Others[s.Stage] = append(c.Others[s.Stage], s.TakenAt)
		}
	}
	doubts := make([][]Doubt, len(shots))
	for i, s := range shots {
		c.Stage = s.Stage
		doubts[i] = s.Doubts(c)
		if s.Tiny {
			doubts[i] = append(doubts[i], Doubt{"too_small", false, bilingual.T("照片太小，无法与其他记录的照片比对", "the photo is too small to be compared with those of other records")})
		}
	}
	return doubts
}

// IsGrave reports whether one of the doubts about a photo is grave.
func IsGrave(doubts []Doubt) bool {
	return slices.ContainsFunc(doubts, func(d Doubt) bool { return d.Grave })
}

// IsStripped reports whether a photo does not even say when it was taken.
func IsStripped(doubts []Doubt) bool {
	return slices.ContainsFunc(doubts, func(d Doubt) bool { return d.Code == "no_metadata" || d.Code == "no_time" })
}

// Tiny reports whether a picture of so many pixels is too small to be compared.
func Tiny(width, height int) bool { return min(width, height) < minSide }

// farAway is the distance from the yard, in metres, from which on a photo was
// not taken there: a yard of many hectares and a phone without a clear sky.
const farAway = 2000

// Doubts returns what is doubtful about a photo.
func (f Facts) Doubts(c Circumstances) []Doubt {
	var doubts []Doubt
	add := func(code string, grave bool, text bilingual.Text) { doubts = append(doubts, Doubt{code, grave, text}) }
	if !f.Exif {
		add("no_metadata", false, bilingual.T("照片不含拍摄信息（可能经过转发或截图）", "the photo carries no camera data; it may have been forwarded or be a screenshot"))
		return doubts
	}
	if f.TakenAt == "" {
		add("no_time", false, bilingual.T("照片没有拍摄时间", "the photo does not say when it was taken"))
	} else {
		on := civil.Day(f.TakenAt[:10])
		switch {
		case on > c.Today:
			add("taken_future", true, bilingual.F("拍摄时间 %s 晚于今天", "taken on %s, which is after today", on))
		case c.RegisteredOn.Valid() && on < c.RegisteredOn:
			add("taken_before_registration", true, bilingual.F("拍摄时间 %s 早于该对象的登记日期 %s", "taken on %s, before the asset was registered on %s", on, c.RegisteredOn))
		case (c.Stage == "during" || c.Stage == "after") && c.HandedInOn.Valid() && on < c.HandedInOn:
			add("taken_before_hand_in", true, bilingual.F("拆解照片拍摄于 %s，早于交售日期 %s", "a photo of the dismantling taken on %s, before the hand-over on %s", on, c.HandedInOn))
		case c.Stage == "after" && c.DismantledOn.Valid() && on < c.DismantledOn:
			add("taken_before_dismantling", true, bilingual.F("拆解后照片拍摄于 %s，早于拆解日期 %s", "a photo of the remains taken on %s, before the dismantling on %s", on, c.DismantledOn))
		case c.Stage == "during" && c.DismantledOn.Valid() && on > c.DismantledOn:
			add("taken_after_dismantling", true, bilingual.F("拆解过程照片拍摄于 %s，晚于拆解日期 %s", "a photo of the dismantling under way taken on %s, after it was dismantled on %s", on, c.DismantledOn))
		case c.Stage == "before" && c.DismantledOn.Valid() && on > c.DismantledOn:
			add("taken_after_dismantling", true, bilingual.F("拆解前照片拍摄于 %s，晚于拆解日期 %s", "a photo from before the dismantling taken on %s, after it was dismantled on %s", on, c.DismantledOn))
		}
		if other, wrong := f.outOfOrder(c); wrong {
			add("order", true, bilingual.F("拍摄时间 %s 与其他阶段照片（%s）的先后不符", "taken at %s, which is out of order with the photo of another stage, %s", f.TakenAt, other))
		}
	}
	switch {
	case f.LatE6 == nil || f.LonE6 == nil:
		add("no_place", false, bilingual.T("照片没有拍摄位置", "the photo does not say where it was taken"))
	case c.YardLatE6 != nil && c.YardLonE6 != nil:
		if d := Metres(*f.LatE6, *f.LonE6, *c.YardLatE6, *c.YardLonE6); d > farAway {
			add("far_from_yard", true, bilingual.F("拍摄位置距企业 %.1f 公里", "taken %.1f km from the yard", d/1000))
		}
	}
	return doubts
}

// outOfOrder reports whether a photo of another stage was taken on the wrong
// side of this one.
func (f Facts) outOfOrder(c Circumstances) (other string, wrong bool) {
	rank := map[string]int{"before": 1, "during": 2, "after": 3}
	for stage, instants := range c.Others {
		for _, at := range instants {
			if rank[c.Stage] == 0 || rank[stage] == 0 || at == "" {
				continue
			}
			if (rank[stage] < rank[c.Stage] && at > f.TakenAt) || (rank[stage] > rank[c.Stage] && at < f.TakenAt) {
				return at, true
			}
		}
	}
	return "", false
}

// Metres returns the distance of two places on the globe.
func Metres(latA, lonA, latB, lonB int64) float64 {
	rad := func(e6 int64) float64 { return float64(e6) / 1e6 * math.Pi / 180 }
	a, b := rad(latA), rad(latB)
	h := math.Pow(math.Sin((b-a)/2), 2) + math.Cos(a)*math.Cos(b)*math.Pow(math.Sin((rad(lonB)-rad(lonA))/2), 2)
	return 2 * 6_371_000 * math.Asin(math.Sqrt(min(1, h)))
}
