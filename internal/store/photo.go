package store

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"phaseout/internal/access"
	"phaseout/internal/fault"
	"phaseout/internal/photo"
	"phaseout/internal/retirement"
)

// PhotoFacts is what a photo says of itself, by file.
type PhotoFacts struct {
	FileID   string
	No       int64
	Width    int
	Height   int
	Exif     bool
	TakenAt  string
	LatE6    *int64 `gorm:"column:lat_e6"`
	LonE6    *int64 `gorm:"column:lon_e6"`
	Camera   string
	Software string
}

// TableName is gorm's hook for the table of facts.
func (PhotoFacts) TableName() string { return "photo_facts" }

// Facts returns the facts as the domain has them.
func (p PhotoFacts) Facts() photo.Facts {
	return photo.Facts{TakenAt: p.TakenAt, LatE6: p.LatE6, LonE6: p.LonE6, Camera: p.Camera, Software: p.Software, Exif: p.Exif}
}

// PhotoMatch is a file that is on another asset as well, as it is or altered.
type PhotoMatch struct {
	ID            string
	FileID        string
	OtherFileID   string
	ShaA          string
	ShaB          string
	Kind          string // exact or altered
	Percent       int    // how well the two lie on each other
	Mirrored      bool
	AssetID       string
	AssetLabel    string
	OtherAssetID  string
	CityCode      string
	DistrictCode  string
	OtherCity     string
	State         string // open, refused or different
	FoundAt       time.Time
	UploadedBy    string
	DecidedBy     string
	DecidedByName string
	DecidedAt     *time.Time
	Reason        string
	Version       int64
}

// PhotoNo returns the number under which a content has its print, made of its
// SHA-256 in hexadecimal.
func PhotoNo(sha256 string) int64 {
	b, err := hex.DecodeString(sha256[:min(16, len(sha256))])
	if err != nil || len(b) < 8 {
		return 0
	}
	var n uint64
	for _, v := range b {
		n = n<<8 | uint64(v)
	}
	return int64(n >> 1) //nolint:gosec // 63 bits
}

// mostMatches is how many earlier uses of a photo are kept; more say nothing new.
const mostMatches = 5

// KeepPhoto keeps what a photo on an asset says of itself and its print, and
// finds earlier uses on other assets over the whole province: the same bytes,
// and, with a print, altered copies, which are looked for in the other slots of
// the asset itself as well. A pair that a person found to be different
// is not asked about again. It returns the matches that are open.
func (tx *Tx) KeepPhoto(f File, a AssetRecord, facts *PhotoFacts, print *photo.Print) ([]PhotoMatch, error) {
	// Of two that send the same photo at once the later sees the earlier.
	if err := tx.db.Exec("UPDATE audit_head SET seq = seq WHERE id = 1").Error; err != nil {
		return nil, fmt.Errorf("store: queue up: %w", err)
	}
	others, err := tx.sameBytes(f)
	if err != nil {
		return nil, err
	}
	if facts != nil {
		facts.FileID, facts.No = f.ID, PhotoNo(f.SHA256)
		if err := tx.db.Create(facts).Error; err != nil {
			return nil, fmt.Errorf("store: keep the facts of a photo: %w", err)
		}
	}
	if print != nil {
		altered, err := tx.alteredCopies(f, *print)
		if err != nil {
			return nil, err
		}
		others = append(others, altered...)
		if err := tx.keepPrint(PhotoNo(f.SHA256), *print); err != nil {
			return nil, err
		}
	}
	var open []PhotoMatch
	for _, m := range others[:min(mostMatches, len(others))] {
		m.ID, m.FileID, m.ShaA, m.AssetID, m.AssetLabel = uuid.Must(uuid.NewV7()).String(), f.ID, f.SHA256, a.ID, a.Label
		m.CityCode, m.DistrictCode, m.State, m.FoundAt, m.UploadedBy, m.Version = a.CityCode, a.DistrictCode, "open", tx.At, f.UploadedBy, 1
		known, err := tx.foundDifferent(m)
		if err != nil {
			return nil, err
		}
		if known {
			continue
		}
		if err := tx.db.Create(&m).Error; err != nil {
			return nil, fmt.Errorf("store: keep a match of photos: %w", err)
		}
		// The event stays with the city that sent the photo and says nothing about the other.
		if err := tx.Record(matchEvent("match", m, ""), nil, map[string]string{"kind": m.Kind, "file": f.Name}); err != nil {
			return nil, err
		}
		open = append(open, m)
	}
	return open, nil
}

func matchEvent(action string, m PhotoMatch, reason string) Event {
	return Event{Action: action, Entity: "photo_match", EntityID: m.ID, AssetID: m.AssetID, CityCode: m.CityCode, DistrictCode: m.DistrictCode, Reason: reason}
}

// sameBytes returns the uses of the same content on other assets.
func (tx *Tx) sameBytes(f File) ([]PhotoMatch, error) {
	var files []File
	err := tx.db.Where("sha256 = ? AND asset_id <> ?", f.SHA256, f.AssetID).Order("id").Limit(mostMatches).Find(&files).Error
	if err != nil {
		return nil, fmt.Errorf("store: look for the same file: %w", err)
	}
	var found []PhotoMatch
	for _, o := range files {
		found = append(found, PhotoMatch{OtherFileID: o.ID, ShaB: o.SHA256, OtherAssetID: o.AssetID, OtherCity: o.CityCode, Kind: "exact", Percent: 100})
	}
	return found, nil
}

// PhotoInAnotherSlot returns the photo of the same bytes that stands in another
// slot of the record of f, unless it was refused. It asks for no area: a team
// sends its photos to another city's record.
func (tx *Tx) PhotoInAnotherSlot(f File) (other File, found bool, err error) {
	var files []File
	err = tx.db.Where("sha256 = ? AND asset_id = ? AND kind <> ? AND kind LIKE 'photo%' AND NOT refused", f.SHA256, f.AssetID, f.Kind).Order("id").Limit(1).Find(&files).Error
	if err != nil {
		return other, false, fmt.Errorf("store: look for the photo in another slot: %w", err)
	}
	if len(files) == 0 {
		return other, false, nil
	}
	return files[0], true, nil
}

// alteredCopies returns the uses on other assets, or in another slot of the same,
// of pictures that are the same but for cropping, size, quality or a mirror.
func (tx *Tx) alteredCopies(f File, print photo.Print) ([]PhotoMatch, error) {
	numbers, err := similar(tx.db, print)
	if err != nil {
		return nil, err
	}
	var found []PhotoMatch
	own := PhotoNo(f.SHA256)
	for _, no := range numbers {
		if no == own {
			continue
		}
		var text string
		if err := tx.db.Table("photo_prints").Where("no = ?", no).Limit(1).Pluck("print", &text).Error; err != nil {
			return nil, fmt.Errorf("store: read a print: %w", err)
		}
		other, err := photo.Parse(text)
		if err != nil {
			return nil, fmt.Errorf("store: print %d: %w", no, err)
		}
		like := photo.Compare(print, other)
		if !like.Same {
			continue
		}
		var files []File
		err = tx.db.Joins("JOIN photo_facts ON photo_facts.file_id = files.id").
			Where("photo_facts.no = ? AND (files.asset_id <> ? OR (files.kind <> ? AND NOT files.refused))", no, f.AssetID, f.Kind).
			Order("files.id").Limit(mostMatches).Find(&files).Error
		if err != nil {
			return nil, fmt.Errorf("store: look for the files of a print: %w", err)
		}
		for _, o := range files {
			found = append(found, PhotoMatch{OtherFileID: o.ID, ShaB: o.SHA256, OtherAssetID: o.AssetID, OtherCity: o.CityCode, Kind: "altered", Percent: like.Percent, Mirrored: like.Mirrored})
		}
	}
	return found, nil
}

// SimilarPhotos returns the numbers of prints that are worth comparing with one.
func (db *DB) SimilarPhotos(ctx context.Context, print photo.Print) ([]int64, error) {
	return similar(db.read.WithContext(ctx), print)
}

// similar looks the print up in the index. A hash that very many pictures share
// tells none of them from another, so that its rows are cut off.
func similar(q *gorm.DB, print photo.Print) ([]int64, error) {
	question := print.Question()
	var found []photo.Found[int64]
	for chunk := range slices.Chunk(question.Hashes(), 500) {
		var rows []photoKey
		if err := q.Session(&gorm.Session{NewDB: true}).Where("hash IN ?", chunk).Limit(20_000).Find(&rows).Error; err != nil {
			return nil, fmt.Errorf("store: look photos up: %w", err)
		}
		for _, r := range rows {
			found = append(found, photo.Found[int64]{Photo: r.No, Key: photo.Key{Hash: r.Hash, Spot: r.Spot}})
		}
	}
	return photo.Candidates(question, found), nil
}

type photoKey struct {
	Hash int64
	No   int64
	Spot int64
}

func (photoKey) TableName() string { return "photo_keys" }

func (tx *Tx) keepPrint(no int64, print photo.Print) error {
	res := tx.db.Exec("INSERT INTO photo_prints (no, print, created_at) VALUES (?, ?, ?) ON CONFLICT (no) DO NOTHING", no, print.Text(), tx.At)
	if res.Error != nil {
		return fmt.Errorf("store: keep a print: %w", res.Error)
	}
	if res.RowsAffected == 0 {
		return nil
	}
	keys := print.Keys()
	rows := make([]photoKey, len(keys))
	for i, k := range keys {
		rows[i] = photoKey{k.Hash, no, k.Spot}
	}
	if len(rows) == 0 {
		return nil
	}
	if err := tx.db.CreateInBatches(rows, 100).Error; err != nil {
		return fmt.Errorf("store: put a photo into the index: %w", err)
	}
	return nil
}

func (tx *Tx) foundDifferent(m PhotoMatch) (bool, error) {
	if m.Kind == "exact" {
		return false, nil // the same bytes are the same photo, whoever said what about them
	}
	var n int64
	err := tx.db.Model(&PhotoMatch{}).Where("state = 'different' AND ((sha_a = ? AND sha_b = ?) OR (sha_a = ? AND sha_b = ?))", m.ShaA, m.ShaB, m.ShaB, m.ShaA).Count(&n).Error
	if err != nil {
		return false, fmt.Errorf("store: look for a decision: %w", err)
	}
	return n > 0, nil
}

// MatchFilter narrows a list of matches.
type MatchFilter struct {
	State   string
	AssetID string
}

// PhotoMatches returns one page of the matches of photos sent in the scope, the newest first.
func (db *DB) PhotoMatches(ctx context.Context, scope access.Scope, f MatchFilter, p Page) ([]PhotoMatch, error) {
	q := inScope(db.read.WithContext(ctx), scope, true)
	if f.State != "" {
		q = q.Where("state = ?", f.State)
	}
	if f.AssetID != "" {
		q = q.Where("asset_id = ?", f.AssetID)
	}
	if p.After != "" {
		q = q.Where("id < ?", p.After)
	}
	var list []PhotoMatch
	if err := q.Order("id DESC").Limit(p.Limit).Find(&list).Error; err != nil {
		return nil, fmt.Errorf("store: list matches of photos: %w", err)
	}
	return list, nil
}

// PhotoMatch returns a match of the scope, or NotFound.
func (db *DB) PhotoMatch(ctx context.Context, scope access.Scope, id string) (PhotoMatch, error) {
	return loadMatch(db.read.WithContext(ctx), scope, id)
}

// PhotoMatch returns a match of the actor's scope, or NotFound.
func (tx *Tx) PhotoMatch(id string) (PhotoMatch, error) { return loadMatch(tx.db, tx.By.Scope, id) }

func loadMatch(q *gorm.DB, scope access.Scope, id string) (PhotoMatch, error) {
	var list []PhotoMatch
	if err := inScope(q, scope, true).Where("id = ?", id).Limit(1).Find(&list).Error; err != nil {
		return PhotoMatch{}, fmt.Errorf("store: read a match of photos: %w", err)
	}
	if len(list) == 0 {
		return PhotoMatch{}, fault.Missing()
	}
	return list[0], nil
}

// DecideMatch keeps what a person decided about a match. A refused photo is no
// evidence from then on; one that was refused for no other match is again.
func (tx *Tx) DecideMatch(before PhotoMatch, refuse bool, reason string) (PhotoMatch, error) {
	after := before
	after.State, after.Reason, after.Version = "different", reason, before.Version+1
	if refuse {
		after.State = "refused"
	}
	after.DecidedBy, after.DecidedByName, after.DecidedAt = tx.By.ID, tx.By.Name, &tx.At
	res := inScope(tx.db.Model(&PhotoMatch{}), tx.By.Scope, true).Where("id = ? AND version = ?", before.ID, before.Version).
		Select("state", "reason", "decided_by", "decided_by_name", "decided_at", "version").Updates(&after)
	if err := affect(res, stale()); err != nil {
		return before, err
	}
	err := tx.db.Exec("UPDATE files SET refused = EXISTS (SELECT 1 FROM photo_matches WHERE file_id = files.id AND state = 'refused') WHERE id = ?", after.FileID).Error
	if err != nil {
		return before, fmt.Errorf("store: refuse a photo: %w", err)
	}
	return after, tx.Record(matchEvent("match_"+after.State, after, reason), map[string]string{"state": before.State}, map[string]string{"state": after.State})
}

// OpenMatches returns the matches on an asset that nobody has decided.
func (tx *Tx) OpenMatches(assetID string) ([]PhotoMatch, error) {
	var list []PhotoMatch
	err := inScope(tx.db, tx.By.Scope, true).Where("asset_id = ? AND state = 'open'", assetID).Order("id").Limit(50).Find(&list).Error
	if err != nil {
		return nil, fmt.Errorf("store: list open matches: %w", err)
	}
	return list, nil
}

// PhotoFactsOf returns what the photos among files of the scope say of
// themselves, by file.
func (db *DB) PhotoFactsOf(ctx context.Context, files []File) (map[string]PhotoFacts, error) {
	ids := make([]string, len(files))
	for i, f := range files {
		ids[i] = f.ID
	}
	facts := map[string]PhotoFacts{}
	for chunk := range slices.Chunk(ids, 500) {
		var rows []PhotoFacts
		if err := db.read.WithContext(ctx).Where("file_id IN ?", chunk).Find(&rows).Error; err != nil {
			return nil, fmt.Errorf("store: read the facts of photos: %w", err)
		}
		for _, r := range rows {
			facts[r.FileID] = r
		}
	}
	return facts, nil
}

// MatchesOf returns the matches on assets of the scope, by asset.
func (db *DB) MatchesOf(ctx context.Context, scope access.Scope, assetIDs []string) (map[string][]PhotoMatch, error) {
	byAsset := map[string][]PhotoMatch{}
	for chunk := range slices.Chunk(assetIDs, 500) {
		var rows []PhotoMatch
		if err := inScope(db.read.WithContext(ctx), scope, true).Where("asset_id IN ?", chunk).Order("id").Limit(5000).Find(&rows).Error; err != nil {
			return nil, fmt.Errorf("store: list matches of photos: %w", err)
		}
		for _, m := range rows {
			byAsset[m.AssetID] = append(byAsset[m.AssetID], m)
		}
	}
	return byAsset, nil
}

// RetirementsByID returns those of the retirements that are in the scope, by id.
func (db *DB) RetirementsByID(ctx context.Context, scope access.Scope, ids []string) ([]retirement.Retirement, error) {
	var rows []retirementRow
	if err := inScope(db.read.WithContext(ctx), scope, true).Where("id IN ?", ids).Order("id DESC").Limit(500).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("store: list retirements: %w", err)
	}
	list := make([]retirement.Retirement, len(rows))
	for i, r := range rows {
		list[i] = r.retirement()
	}
	return list, nil
}
