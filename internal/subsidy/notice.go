package subsidy

import (
	"time"

	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/money"
	"phaseout/internal/registry"
)

// PublicNotice is a list that is shown to everybody for some working days
// before its lines may be paid.
type PublicNotice struct {
	ID          string
	CityCode    string
	Number      string
	ProgramID   string
	ProgramName bilingual.Text
	FromOn      civil.Day
	UntilOn     civil.Day // its last day
	Days        int       // working days
	Contact     string    // who takes objections
	LineCount   int64
	TotalFen    money.Fen
	MadeBy      string
	MadeByName  string
	MadeAt      time.Time
	Version     int64
	Lines       []NoticeLine
}

// NoticeLine is one line as it is published.
type NoticeLine struct {
	LineNo        int64
	ApplicationID string
	AssetLabel    string
	Class         registry.Class
	OwnerMasked   string
	RetiredOn     civil.Day
	AmountFen     money.Fen
}

// Objection is what somebody has against a line of a notice. It stops that
// line, and no other, until a person who did not record it has settled it.
type Objection struct {
	ID             string
	ApplicationID  string
	NoticeID       string
	CityCode       string
	DistrictCode   string
	AssetLabel     string
	RaisedBy       string
	Text           string
	State          string // open, upheld or dismissed
	RecordedBy     string
	RecordedByName string
	RecordedAt     time.Time
	ResolvedBy     string
	ResolvedByName string
	ResolvedAt     *time.Time
	Resolution     string
	Version        int64
}

// MaskName returns an owner's name as a public list shows it: a person's with
// stars (张*, 张*三, 欧**明), a unit's in full. Who is a person is told by the
// applicant's kind, and by the length of the name where that is not known.
func MaskName(name, kind string) string {
	r := []rune(name)
	if kind == Unit || kind == "" && len(r) > 4 {
		return name
	}
	switch n := len(r); {
	case n < 2:
		return "*"
	case n == 2:
		return string(r[0]) + "*"
	default:
		for i := 1; i < n-1; i++ {
			r[i] = '*'
		}
		return string(r)
	}
}
