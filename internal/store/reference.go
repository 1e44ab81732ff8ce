package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"gorm.io/gorm/clause"

	"phaseout/internal/registry"
)

type regionRow struct {
	Code        string `gorm:"primaryKey"`
	Name        string
	NameEN      string `gorm:"column:name_en"`
	ParentCode  string
	Level       string
	PlatePrefix string
	OldCodes    string
}

func (regionRow) TableName() string { return "regions" }

type optionRow struct {
	Class    registry.Class `gorm:"primaryKey"`
	Kind     string         `gorm:"primaryKey"`
	Code     string         `gorm:"primaryKey"`
	NameZH   string         `gorm:"column:name_zh"`
	NameEN   string         `gorm:"column:name_en"`
	Grp      string
	Synonyms string
	Position int
}

func (optionRow) TableName() string { return "dictionary" }

// PutReference writes regions and dictionary entries over what is there.
// Entries that records may use are never taken out.
func (tx *Tx) PutReference(regions []registry.Region, options []registry.DictOption) error {
	over := clause.OnConflict{UpdateAll: true}
	for _, r := range regions {
		if err := tx.db.Clauses(over).Create(&regionRow{r.Code, r.Name, r.NameEN, r.ParentCode, r.Level, r.PlatePrefix, r.OldCodes}).Error; err != nil {
			return fmt.Errorf("store: write regions: %w", err)
		}
	}
	for i, o := range options {
		row := optionRow{o.Class, o.Kind, o.Code, o.Name.ZH, o.Name.EN, o.Group, strings.Join(o.Synonyms, "|"), i}
		if err := tx.db.Clauses(over).Create(&row).Error; err != nil {
			return fmt.Errorf("store: write dictionaries: %w", err)
		}
	}
	return tx.Record(Event{Action: "load", Entity: "reference", EntityID: "reference"}, nil, map[string]int{"regions": len(regions), "options": len(options)})
}

// ErrNoReference is the error of a database without reference data.
var ErrNoReference = errors.New("store: the database has no reference data yet: run \"phaseout seed\"")

// Reference reads the regions, the dictionaries and the cohort rules in force.
func (db *DB) Reference(ctx context.Context) (*registry.Reference, error) {
	var regionRows []regionRow
	if err := db.read.WithContext(ctx).Order("code").Find(&regionRows).Error; err != nil {
		return nil, fmt.Errorf("store: read regions: %w", err)
	}
	if len(regionRows) == 0 {
		return nil, ErrNoReference
	}
	var optionRows []optionRow
	if err := db.read.WithContext(ctx).Order("position").Find(&optionRows).Error; err != nil {
		return nil, fmt.Errorf("store: read dictionaries: %w", err)
	}
	regions := make([]registry.Region, len(regionRows))
	for i, r := range regionRows {
		regions[i] = registry.Region(r)
	}
	options := make([]registry.DictOption, len(optionRows))
	for i, r := range optionRows {
		o := registry.DictOption{Class: r.Class, Kind: r.Kind, Option: registry.Option{Code: r.Code, Group: r.Grp}}
		o.Name.ZH, o.Name.EN = r.NameZH, r.NameEN
		if r.Synonyms != "" {
			o.Synonyms = strings.Split(r.Synonyms, "|")
		}
		options[i] = o
	}
	ref := registry.NewReference(regions, options)
	rules, err := db.CohortRules(ctx)
	if err != nil {
		return nil, err
	}
	return ref, takeOver(ref, rules)
}

// takeOver puts the rules in force into the reference data. A rule that is
// being applied stands before the one it replaces: the newest comes first.
func takeOver(ref *registry.Reference, rules []CohortRule) error {
	var inForce []registry.CohortRule
	for _, r := range rules {
		if r.State != "in_force" && r.State != "applying" {
			continue
		}
		rule, err := r.Body()
		if err != nil {
			return err
		}
		if len(inForce) == 0 || inForce[len(inForce)-1].Class != rule.Class {
			inForce = append(inForce, rule)
		}
	}
	ref.SetRules(inForce)
	return nil
}
