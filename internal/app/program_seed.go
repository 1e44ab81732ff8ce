package app

import (
	"encoding/json"
	"fmt"
	"io/fs"

	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/registry"
	"phaseout/internal/store"
	"phaseout/internal/subsidy"
)

// ProgramSeed is a program of the reference data.
type ProgramSeed struct {
	CityCode                string          `json:"city_code"`
	Code                    string          `json:"code"`
	Revision                int64           `json:"revision"`
	State                   string          `json:"state"`
	Sample                  bool            `json:"sample"`
	Name                    bilingual.Text  `json:"name"`
	Note                    bilingual.Text  `json:"note"`
	Document                string          `json:"document"`
	Class                   registry.Class  `json:"class"`
	Family                  string          `json:"family"`
	ValidFrom               civil.Day       `json:"valid_from"`
	ValidTo                 civil.Day       `json:"valid_to"`
	ApplyFrom               civil.Day       `json:"apply_from"`
	ApplyTo                 civil.Day       `json:"apply_to"`
	Basis                   string          `json:"basis"`
	EarlyBasis              string          `json:"early_basis"`
	RequiresVerified        string          `json:"requires_verified"`
	NoticeDays              int             `json:"notice_days"`
	ApplicationDeadlineDays int             `json:"application_deadline_days"`
	Shares                  []subsidy.Share `json:"shares"`
	Rules                   subsidy.Rules   `json:"rules"`
}

// ReadPrograms reads the programs of the reference data: the sourced policies
// and samples, each with a note that says what of it is confirmed.
func ReadPrograms(files fs.FS) ([]subsidy.Program, error) {
	data, err := fs.ReadFile(files, "reference/programs.json")
	if err != nil {
		return nil, err
	}
	var seeds []ProgramSeed
	if err := json.Unmarshal(data, &seeds); err != nil {
		return nil, fmt.Errorf("app: seed programs: %w", err)
	}
	programs := make([]subsidy.Program, len(seeds))
	for i, s := range seeds {
		programs[i] = subsidy.Program{CityCode: s.CityCode, Code: s.Code, Revision: s.Revision, State: s.State, Sample: s.Sample, Name: s.Name, Note: s.Note, Document: s.Document,
			Class: s.Class, Family: s.Family, ValidFrom: s.ValidFrom, ValidTo: s.ValidTo, ApplyFrom: s.ApplyFrom, ApplyTo: s.ApplyTo, Basis: s.Basis, EarlyBasis: s.EarlyBasis,
			RequiresVerified: s.RequiresVerified, NoticeDays: s.NoticeDays, ApplicationDeadlineDays: s.ApplicationDeadlineDays, Shares: s.Shares, Rules: s.Rules}
	}
	return programs, nil
}

// seedPrograms adds the programs that are not there; one that is there stays as
// it is.
func seedPrograms(tx *store.Tx, programs []subsidy.Program) error {
	for _, p := range programs {
		next, err := tx.NextRevision(p.CityCode, p.Code)
		if err != nil {
			return err
		}
		if next > p.Revision {
			continue
		}
		p.ID = newID()
		if p.State == subsidy.ProgramIssued {
			p.IssuedBy, p.IssuedByName, p.IssuedAt = tx.By.ID, tx.By.Name, instant(tx.At)
		}
		if err := tx.CreateProgram(&p); err != nil {
			return err
		}
	}
	return nil
}
