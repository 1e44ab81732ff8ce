package app

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/inspection"
	"phaseout/internal/store"
	"phaseout/internal/yard"
)

// InspectionFinding is the kind of case that a discrepancy opens.
const InspectionFinding = "inspection_finding"

// NewDraw is what a draw is made of.
type NewDraw struct {
	Name     string
	From, To civil.Day // of the verification
	PerCity  int
}

// CreateDraw freezes the population of a draw and commits to its seed: only the
// hash of the seed is told until the draw is carried out.
func (a *App) CreateDraw(ctx context.Context, by access.Actor, in NewDraw) (store.InspectionDraw, error) {
	in.Name = strings.TrimSpace(in.Name)
	switch {
	case in.Name == "":
		return store.InspectionDraw{}, fault.Field("body.name", "required", bilingual.T("请填写名称", "give the draw a name"), bilingual.T("如“2025 年第四季度交叉检查”", "such as cross check of the fourth quarter of 2025"))
	case !in.From.Valid() || !in.To.Valid() || in.To < in.From || in.To > a.Today():
		return store.InspectionDraw{}, fault.Field("body.to", "date_order", bilingual.T("核实日期的起止无效", "the days of the verification are not in order"), bilingual.T("止日不早于起日，不晚于今天", "the last not before the first, not after today"))
	}
	var random [32]byte
	_, _ = rand.Read(random[:]) // never fails
	return write(ctx, a, by, func(tx *store.Tx) (store.InspectionDraw, error) {
		d := store.InspectionDraw{ID: newID(), Name: in.Name, FromOn: in.From, ToOn: in.To, PerCity: in.PerCity, Seed: hex.EncodeToString(random[:])}
		population, err := tx.Population(in.From, in.To)
		if err != nil {
			return d, err
		}
		if len(population) == 0 {
			return d, fault.New(fault.Conflict, "nothing_to_draw", bilingual.T("该期间没有已核实的淘汰记录", "no retirement was verified in that time")).WithMend("请换一个期间", "choose another time")
		}
		if err := a.noteBursts(ctx, population); err != nil {
			return d, err
		}
		lines := make([]store.InspectionLine, len(population))
		pure := make([]inspection.Line, len(population))
		for i, v := range population {
			if lines[i], err = v.Line(); err != nil {
				return d, err
			}
			pure[i] = lines[i].Line()
		}
		d.SeedHash, d.Population, d.PopulationHash, d.Cities = inspection.Commitment(d.Seed), len(lines), inspection.PopulationHash(pure), strings.Join(a.cityCodes(), ",")
		return d, tx.CreateDraw(&d, lines)
	})
}

func (a *App) cityCodes() []string {
	var codes []string
	for _, c := range a.Reference.Cities() {
		codes = append(codes, c.Code)
	}
	return codes
}

// noteBursts marks the retirements whose certificate is of a day on which its
// yard issued many more than it usually does.
func (a *App) noteBursts(ctx context.Context, population []store.Verified) error {
	bursts := map[string][]yard.Burst{}
	for i := range population {
		id, on := population[i].HasYard()
		if id == "" {
			continue
		}
		found, known := bursts[id]
		if !known {
			issued, err := a.DB.IssuedBy(ctx, store.Yard{ID: id})
			if err != nil {
				return err
			}
			found = yard.Bursts(issued, nil)
			bursts[id] = found
		}
		population[i].Facts.Burst = slices.ContainsFunc(found, func(b yard.Burst) bool { return b.From <= on && on <= b.To })
	}
	return nil
}

// CarryOutDraw draws from the frozen population by the seed, and by a public
// number if one is given, assigns each drawn line to another city's team and
// shows the seed.
func (a *App) CarryOutDraw(ctx context.Context, by access.Actor, id string, version int64, beacon string) (store.InspectionDraw, error) {
	beacon = strings.TrimSpace(beacon)
	return write(ctx, a, by, func(tx *store.Tx) (store.InspectionDraw, error) {
		before, err := tx.Draw(id)
		if err != nil {
			return before, err
		}
		if before.Version != version {
			return before, staleSince(version, before.Version)
		}
		if before.State != "committed" {
			return before, fault.New(fault.Conflict, "wrong_state", bilingual.T("该批次已抽取", "the draw was carried out already"))
		}
		lines, err := tx.PopulationOf(before)
		if err != nil {
			return before, err
		}
		return tx.CarryOut(before, beacon, drawn(before, beacon, lines))
	})
}

// drawn returns which retirements a draw gives to which city's team.
func drawn(d store.InspectionDraw, beacon string, lines []store.InspectionLine) map[string]string {
	pure := make([]inspection.Line, len(lines))
	for i, l := range lines {
		pure[i] = l.Line()
	}
	key := inspection.Key(d.Seed, beacon)
	return inspection.Assign(key, inspection.Draw(key, pure, d.PerCity), strings.Split(d.Cities, ","))
}

// checkInspections does every draw again from its published list and seed.
func (a *App) checkInspections(ctx context.Context) (string, error) {
	n := 0
	err := a.DB.EachDraw(ctx, func(d store.InspectionDraw, lines []store.InspectionLine) error {
		n++
		pure := make([]inspection.Line, len(lines))
		for i, l := range lines {
			pure[i] = l.Line()
		}
		if inspection.Commitment(d.Seed) != d.SeedHash || len(lines) != d.Population || inspection.PopulationHash(pure) != d.PopulationHash {
			return fmt.Errorf("draw %s is not what was committed to", d.ID)
		}
		if d.State != "drawn" {
			return nil
		}
		teams := drawn(d, d.Beacon, lines)
		for _, l := range lines {
			if team, chosen := teams[l.RetirementID]; chosen != l.Chosen || team != l.TeamCity {
				return fmt.Errorf("draw %s: line %s does not follow from its seed", d.ID, l.ID)
			}
		}
		return nil
	})
	return fmt.Sprintf("%d draws", n), err
}

// RecordInspection keeps what a city's team found on a line that was drawn for
// it. What is not in order opens a case with the city whose record it is.
func (a *App) RecordInspection(ctx context.Context, by access.Actor, id string, version int64, result, note string) (store.InspectionLine, error) {
	note = strings.TrimSpace(note)
	if result != "ok" && note == "" {
		return store.InspectionLine{}, fault.Field("body.note", "required", bilingual.T("发现问题时必须写明情况", "say what was found"), bilingual.T("写明与记录不符之处", "say what differs from the record"))
	}
	return write(ctx, a, by, func(tx *store.Tx) (store.InspectionLine, error) {
		before, err := tx.InspectionLine(id)
		if err != nil {
			return before, err
		}
		if before.Version != version {
			return before, staleSince(version, before.Version)
		}
		if before.Result != "" {
			return before, fault.New(fault.Conflict, "wrong_state", bilingual.T("已登记检查结果", "the result is recorded already"))
		}
		if !by.Scope.Covers(before.TeamCity, "") || by.Scope.IsProvince() {
			return before, fault.New(fault.Conflict, "not_the_team", bilingual.T("只能由抽中的检查组登记", "only the team that was assigned records it"))
		}
		after, err := tx.RecordInspection(before, result, note)
		if err != nil || result == "ok" {
			return after, err
		}
		return after, tx.See(InspectionFinding, before.AssetID, store.Sighting{Ref: "inspection " + before.ID, Source: "inspection", CityCode: before.TeamCity, Field: "result", Value: result, Note: note})
	})
}

// AttachInspectionPhoto puts a team's photo on the record that it inspects.
func (a *App) AttachInspectionPhoto(ctx context.Context, by access.Actor, id string, up Upload) (store.File, error) {
	line, err := a.DB.InspectionLine(ctx, by.Scope, id)
	if err != nil {
		return store.File{}, err
	}
	up.Kind = "photo"
	kept, err := a.keep(up)
	if err != nil {
		return store.File{}, err
	}
	kept.Kind = inspectionPhoto
	seen, err := a.lookAt(kept)
	if err != nil {
		return store.File{}, err
	}
	return write(ctx, a, by, func(tx *store.Tx) (store.File, error) {
		f := kept
		f.AssetID = line.AssetID
		if err := onceOnly(tx, f); err != nil { // the record's own photo shows nothing of what the team saw
			return f, err
		}
		asset, err := tx.AddInspectionPhoto(line, &f)
		if err != nil {
			return f, err
		}
		_, err = tx.KeepPhoto(f, asset, seen.facts, seen.print)
		return f, err
	})
}
