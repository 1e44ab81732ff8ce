// Package registry is the pure domain of what is registered: the classes of
// assets, their fields and identifiers, the checks on them and the cohort an
// asset belongs to. It does no I/O and reads no clock.
package registry

import (
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
)

// Class is one of the kinds of asset that the plan phases out.
type Class string

// The classes. A new class is one more Spec (see class_truck.go).
const (
	Truck         Class = "truck"
	Machinery     Class = "machinery"
	FarmMachinery Class = "farm_machinery"
	Vessel        Class = "vessel"
)

// Status is our own work status of an asset. It is never the police status,
// which is imported and kept beside it (Asset.PoliceStatus).
type Status string

// The work statuses, in the order in which a scrapped asset passes them.
const (
	InUse        Status = "in_use"
	HandedIn     Status = "handed_in"
	Dismantled   Status = "dismantled"
	Deregistered Status = "deregistered"
	MovedOut     Status = "moved_out"
	Converted    Status = "converted"
	PlateVoid    Status = "plate_void" // plate declared void 公告牌证作废; not deregistered
	Duplicate    Status = "duplicate"  // the same asset as another record; counts in no figure
)

// Identifier is one number by which an asset is known.
type Identifier struct {
	Kind   string `json:"kind"`  // "plate", "vin", "engine_no", "env_code", "serial", "ship_id", …
	Value  string `json:"value"` // normalised, as people read it
	Norm   string `json:"-"`     // the key: unique for (kind, norm) where Unique
	Unique bool   `json:"-"`     // whether no two assets may share it, live or retired
}

// Asset is one registered object with the values that rules, filters and
// reports use as columns. Fields holds every non-personal field in its
// normalised form, so that forms, comparisons and histories need no code per class.
type Asset struct {
	ID           string
	CityCode     string // GB/T 2260, the authority that keeps the record
	DistrictCode string // GB/T 2260, or "" where the file gives none
	Class        Class
	Category     string // code of the class's category dictionary
	Status       Status
	Label        string // what people call it: plate, serial number, ship name

	Stage          string    // china0 … china6, or "unknown"
	StageSource    string    // "record", "label", "query", "document", "date" or "none": where the stage comes from
	Fuel           string    // option code, "diesel"
	Model          string    // make and model as given
	RegisteredOn   civil.Day // first registration
	BuiltOn        civil.Day // completion or production date
	ScrapDueOn     civil.Day // mandatory scrapping date
	ScrapDueSource string    // "record", "computed" or ""
	PoliceStatus   string    // as imported, never edited by hand

	OwnerName  string
	OwnerID    string // personal or organisation number; secret
	OwnerPhone string // secret

	InScope  bool      // belongs to the cohort of a requirement
	CohortOn civil.Day // day from which it belongs, "" if it does not; vessels grow into it

	Identifiers []Identifier
	Fields      map[string]string // normalised, by FieldSpec.Key, without the owner's secrets
}

// Severity of a finding.
type Severity string

// An error keeps a row out; a warning does not.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Finding is one thing that is wrong or doubtful about one field.
type Finding struct {
	Field    string // FieldSpec.Key
	Value    string // as given
	Code     string // stable: "required", "format", "check_digit", …
	Severity Severity
	Message  bilingual.Text
	Mend     bilingual.Text
}

// Input is what a form, an API call or a row of a sheet gives for one asset.
type Input struct {
	City     string            // code of the city that registers
	District string            // code of the actor's district if the actor is bound to one, else ""
	Fields   map[string]string // raw text by FieldSpec.Key
	// Rounded are the fields that came as a spreadsheet's number, of which it
	// keeps 15 figures; an identifier with more has lost its end.
	Rounded map[string]bool
	// Scale multiplies the figures of a field, whose column is in another unit.
	Scale map[string]float64
	// Sheet is true for a row of an office's sheet, of which a word that no
	// dictionary knows is left out with a warning where the class can do without.
	Sheet bool
	// Province is the sign of the plates' province where a sheet keeps it apart.
	Province string
	Today    civil.Day
}

// Name returns what people call the status.
func (s Status) Name() bilingual.Text {
	switch s {
	case InUse:
		return bilingual.T("在用", "in use")
	case HandedIn:
		return bilingual.T("已交售", "handed in")
	case Dismantled:
		return bilingual.T("已拆解", "dismantled")
	case Deregistered:
		return bilingual.T("已注销", "deregistered")
	case MovedOut:
		return bilingual.T("已转出", "moved out")
	case Converted:
		return bilingual.T("已改造", "converted")
	case PlateVoid:
		return bilingual.T("牌证作废", "plate void")
	}
	return bilingual.T(string(s), string(s))
}
