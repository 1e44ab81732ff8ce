package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/fault"
	"phaseout/internal/subsidy"
)

// File is a stored file on a record. Its bytes lie in Blobs under SHA256.
type File struct {
	ID             string
	CityCode       string
	DistrictCode   string
	AssetID        string
	RetirementID   string
	ApplicationID  string // a paper of a subsidy application: finance alone sees it
	Kind           string
	Name           string
	Mime           string
	Size           int64
	SHA256         string `gorm:"column:sha256"`
	Device         string // from what it was sent, as the client said
	UploadedBy     string
	UploadedByName string
	UploadedAt     time.Time
	Refused        bool // a reviewer found it to be another record's photo: no evidence
}

// AddFile puts a file on a record. The same bytes of the same kind on the same
// asset stay one file and answer Conflict.
func (tx *Tx) AddFile(f *File) error {
	f.UploadedBy, f.UploadedByName, f.UploadedAt = tx.By.ID, tx.By.Name, tx.At
	err := tx.db.Create(f).Error
	if duplicate(err) {
		return fault.New(fault.Conflict, "duplicate_file", bilingual.T("该文件已上传过", "this file is already on the record"))
	}
	if err != nil {
		return fmt.Errorf("store: add a file: %w", err)
	}
	return tx.Record(Event{Action: "attach", Entity: "file", EntityID: f.ID, AssetID: f.AssetID, CityCode: f.CityCode,
		DistrictCode: f.DistrictCode}, nil, map[string]string{"kind": f.Kind, "name": f.Name, "sha256": f.SHA256, "device": f.Device})
}

// Files returns the files of an asset of the scope, oldest first.
func (db *DB) Files(ctx context.Context, scope access.Scope, assetID string) ([]File, error) {
	return filesOf(db.read.WithContext(ctx), scope, assetID)
}

// Files returns the files of an asset of the actor's scope, oldest first.
func (tx *Tx) Files(assetID string) ([]File, error) { return filesOf(tx.db, tx.By.Scope, assetID) }

func filesOf(q *gorm.DB, scope access.Scope, assetID string) ([]File, error) {
	files, err := findInScope[File](q, scope, "asset_id = ? AND application_id = ''", assetID)
	if err != nil {
		return nil, fmt.Errorf("store: list files: %w", err)
	}
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.ID, b.ID) })
	return files, nil
}

// FilesOfAssets returns the files of several assets of the scope by asset.
func (db *DB) FilesOfAssets(ctx context.Context, scope access.Scope, assetIDs []string) (map[string][]File, error) {
	var files []File
	if err := inScope(db.read.WithContext(ctx), scope, true).Where("asset_id IN ? AND application_id = ''", assetIDs).Order("id").Find(&files).Error; err != nil {
		return nil, fmt.Errorf("store: list files: %w", err)
	}
	byAsset := map[string][]File{}
	for _, f := range files {
		byAsset[f.AssetID] = append(byAsset[f.AssetID], f)
	}
	return byAsset, nil
}

// Papers returns the papers of an application, oldest first: its own files,
// and those of the retirement that serve it as well.
func (tx *Tx) Papers(a subsidy.Application) ([]File, error) { return papersOf(tx.db, tx.By.Scope, a) }

// Papers is Tx.Papers outside a transaction.
func (db *DB) Papers(ctx context.Context, scope access.Scope, a subsidy.Application) ([]File, error) {
	return papersOf(db.read.WithContext(ctx), scope, a)
}

func papersOf(q *gorm.DB, scope access.Scope, a subsidy.Application) ([]File, error) {
	var files []File
	err := inScope(q, scope, true).Where("asset_id = ? AND (application_id = ? OR (application_id = '' AND kind IN ('certificate', 'deregistration')))",
		a.AssetID, a.ID).Order("id").Limit(500).Find(&files).Error
	if err != nil {
		return nil, fmt.Errorf("store: list papers: %w", err)
	}
	return files, nil
}

// File returns a file of the scope, or NotFound.
func (db *DB) File(ctx context.Context, scope access.Scope, id string) (File, error) {
	var files []File
	if err := inScope(db.read.WithContext(ctx), scope, true).Where("id = ?", id).Limit(1).Find(&files).Error; err != nil {
		return File{}, fmt.Errorf("store: read a file: %w", err)
	}
	if len(files) == 0 {
		return File{}, fault.Missing()
	}
	return files[0], nil
}

// FilesByKind groups the ids of files by their kind, as an evidence list wants
// them. Refused ones are no evidence.
func FilesByKind(files []File) map[string][]string {
	byKind := map[string][]string{}
	for _, f := range files {
		if f.Refused {
			continue
		}
		byKind[f.Kind] = append(byKind[f.Kind], f.ID)
	}
	return byKind
}

// AssetsWithFiles returns which of the assets carry files.
func (tx *Tx) AssetsWithFiles(assetIDs []string) (map[string]bool, error) {
	with := map[string]bool{}
	for chunk := range slices.Chunk(assetIDs, 500) {
		var found []string
		if err := tx.db.Model(&File{}).Where("asset_id IN ?", chunk).Distinct().Pluck("asset_id", &found).Error; err != nil {
			return nil, fmt.Errorf("store: look up files: %w", err)
		}
		for _, id := range found {
			with[id] = true
		}
	}
	return with, nil
}
