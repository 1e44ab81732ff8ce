package app

import (
	"context"
	"slices"
	"strings"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/fault"
	"phaseout/internal/photo"
	"phaseout/internal/registry"
	"phaseout/internal/retirement"
	"phaseout/internal/store"
)

// PhotoReused is the kind of case that a refused photo opens.
const PhotoReused = "photo_reused"

// inspectionPhoto is the kind of file that only an inspection team sends.
const inspectionPhoto = "photo_inspection"

// look is what was seen of an uploaded file before its row is written.
type look struct {
	facts *store.PhotoFacts
	print *photo.Print
}

// lookAt reads the facts of a picture and makes its print. Only photos have a
// print: scans of one form look alike without being copies.
func (a *App) lookAt(f store.File) (look, error) {
	if !strings.HasPrefix(f.Mime, "image/") {
		return look{}, nil
	}
	data, err := a.Blobs.Open(f.SHA256)
	if err != nil {
		return look{}, err
	}
	a.decoding.Lock()
	defer a.decoding.Unlock()
	img, err := photo.Decode(data)
	if err != nil {
		return look{}, err
	}
	facts := photo.FactsOf(data)
	b := img.Bounds()
	seen := look{facts: &store.PhotoFacts{Width: b.Dx(), Height: b.Dy(), Exif: facts.Exif, TakenAt: facts.TakenAt, LatE6: facts.LatE6, LonE6: facts.LonE6,
		Camera: facts.Camera, Software: facts.Software}}
	if strings.HasPrefix(f.Kind, "photo") {
		if print := photo.PrintOf(facts.Upright(img)); print.Comparable() {
			seen.print = &print
		}
	}
	return seen, nil
}

// onceOnly fails with Conflict if the photo f is in another slot of its record
// already: one picture shows one side of one moment.
func onceOnly(tx *store.Tx, f store.File) error {
	if !strings.HasPrefix(f.Kind, "photo") {
		return nil
	}
	other, twice, err := tx.PhotoInAnotherSlot(f)
	if err != nil || !twice {
		return err
	}
	return fault.New(fault.Conflict, "photo_twice", bilingual.F("这张照片已用于本记录的另一项（%s）", "this photo is in another slot of the record already: %s", other.Name)).
		WithMend("请按该项要求的角度另拍一张", "take another one from the side that the slot asks for").With("file_id", other.ID).With("kind", other.Kind)
}

// photosDecided fails with Conflict as long as a photo of the asset may be
// another record's and nobody has decided.
func (a *App) photosDecided(tx *store.Tx, assetID string, verify bool) error {
	if !verify {
		return nil
	}
	open, err := tx.OpenMatches(assetID)
	if err != nil || len(open) == 0 {
		return err
	}
	f := fault.New(fault.Conflict, "photo_match_open", bilingual.F("有 %d 张照片疑似已用于其他记录，尚未判定", "%d photos may be another record's; nobody has decided", len(open))).
		WithMend("先在照片核查中判定每一处疑似重复", "decide about each in the check of photos first")
	ids := make([]string, len(open))
	for i, m := range open {
		ids[i] = m.ID
	}
	return f.With("photo_matches", ids)
}

// DecidePhotoMatch says that a photo is another record's, which refuses it as
// evidence and opens a case, or that the two are different, which is
// remembered. Who sent the photo does not decide.
func (a *App) DecidePhotoMatch(ctx context.Context, by access.Actor, id string, version int64, refuse bool, reason string) (store.PhotoMatch, error) {
	if reason = strings.TrimSpace(reason); reason == "" {
		return store.PhotoMatch{}, fault.Field("body.reason", "required", bilingual.T("必须写明理由", "a reason is needed"),
			bilingual.T("写明判定的依据", "say what it rests on"))
	}
	return write(ctx, a, by, func(tx *store.Tx) (store.PhotoMatch, error) {
		before, err := tx.PhotoMatch(id)
		if err != nil {
			return before, err
		}
		if before.Version != version {
			return before, staleSince(version, before.Version)
		}
		if before.UploadedBy == by.ID {
			return before, fault.New(fault.Denied, "four_eyes", bilingual.T("上传人不能判定自己上传的照片", "who sent a photo cannot decide about it")).
				WithMend("请由另一名审核人员处理", "ask another reviewer")
		}
		r, err := retirementOf(tx, before.AssetID)
		if err != nil {
			return before, err
		}
		ofTeam, err := isInspectionPhoto(tx, before)
		if err != nil {
			return before, err
		}
		if r != nil && r.State == retirement.Verified && !ofTeam {
			return before, fault.New(fault.Conflict, "verified_locked", bilingual.T("淘汰已核实，不能再改判照片", "the retirement is verified; its evidence is closed")).
				WithMend("如确有错误，请走更正程序", "ask for a correction")
		}
		after, err := tx.DecideMatch(before, refuse, reason)
		if err != nil {
			return before, err
		}
		if refuse {
			err := tx.See(PhotoReused, before.AssetID, store.Sighting{Ref: "photo " + before.ID, Source: "photo", CityCode: before.CityCode, Field: "photo", Value: before.Kind, Note: reason})
			if err != nil {
				return before, err
			}
		}
		if r == nil {
			return after, nil
		}
		asset, err := tx.Asset(before.AssetID)
		if err != nil {
			return before, err
		}
		return after, a.reviewEvidence(tx, asset, *r)
	})
}

// isInspectionPhoto reports whether the photo of a match is an inspection team's:
// it is no evidence of the retirement, so that its being verified closes nothing.
func isInspectionPhoto(tx *store.Tx, m store.PhotoMatch) (bool, error) {
	files, err := tx.Files(m.AssetID)
	return slices.ContainsFunc(files, func(f store.File) bool { return f.ID == m.FileID && f.Kind == inspectionPhoto }), err
}

// PhotoCheck is one file of a retirement with what is doubtful about it.
type PhotoCheck struct {
	store.File
	Facts   *store.PhotoFacts // nil for what is no picture
	Doubts  []photo.Doubt
	Matches []store.PhotoMatch
}

// PhotoChecks returns the pictures of retirements of the scope with what is
// doubtful about them, by retirement.
func (a *App) PhotoChecks(ctx context.Context, scope access.Scope, list []retirement.Retirement) (map[string][]PhotoCheck, error) {
	assetIDs := make([]string, len(list))
	for i, r := range list {
		assetIDs[i] = r.AssetID
	}
	files, err := a.DB.FilesOfAssets(ctx, scope, assetIDs)
	if err != nil {
		return nil, err
	}
	assets, err := a.DB.AssetsByID(ctx, scope, assetIDs)
	if err != nil {
		return nil, err
	}
	matches, err := a.DB.MatchesOf(ctx, scope, assetIDs)
	if err != nil {
		return nil, err
	}
	var all []store.File
	for _, some := range files {
		all = append(all, some...)
	}
	facts, err := a.DB.PhotoFactsOf(ctx, all)
	if err != nil {
		return nil, err
	}
	places := map[string][2]*int64{}
	checks := map[string][]PhotoCheck{}
	for _, r := range list {
		if _, known := places[r.YardID]; !known && r.YardID != "" {
			y, err := a.DB.Yard(ctx, access.Whole(), r.YardID)
			if err != nil && !fault.Is(err, fault.NotFound) {
				return nil, err
			}
			places[r.YardID] = [2]*int64{y.LatE6, y.LonE6}
		}
		place := places[r.YardID]
		doubts := doubtsAbout(r, files[r.AssetID], facts, photo.Circumstances{Today: a.Today(), RegisteredOn: assets[r.AssetID].RegisteredOn, HandedInOn: r.HandedInOn,
			DismantledOn: r.DismantledOn, YardLatE6: place[0], YardLonE6: place[1]})
		for _, f := range files[r.AssetID] {
			check := PhotoCheck{File: f, Doubts: doubts[f.ID]}
			for _, m := range matches[r.AssetID] {
				if m.FileID == f.ID {
					check.Matches = append(check.Matches, m)
				}
			}
			if known, isPicture := facts[f.ID]; isPicture {
				check.Facts = &known
			}
			if check.Facts != nil || len(check.Matches) > 0 {
				checks[r.ID] = append(checks[r.ID], check)
			}
		}
	}
	return checks, nil
}

// doubtsAbout returns what is doubtful about the photos among the files of a
// retirement, by file.
func doubtsAbout(r retirement.Retirement, files []store.File, facts map[string]store.PhotoFacts, c photo.Circumstances) map[string][]photo.Doubt {
	spec, _ := registry.SpecOf(r.Class)
	way, _ := retirement.WayOf(spec, r.WayOut)
	var shots []photo.Shot
	var ids []string
	for _, f := range files {
		if known, isPicture := facts[f.ID]; isPicture && strings.HasPrefix(f.Kind, "photo") {
			shots, ids = append(shots, photo.Shot{Facts: known.Facts(), Stage: way.PhaseOf(f.Kind), Refused: f.Refused, Tiny: photo.Tiny(known.Width, known.Height)}), append(ids, f.ID)
		}
	}
	found := map[string][]photo.Doubt{}
	for i, doubts := range photo.DoubtsOf(shots, c) {
		found[ids[i]] = doubts
	}
	return found
}
