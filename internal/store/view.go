package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"gorm.io/gorm"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/fault"
)

// View is a list's filter and columns under a name.
type View struct {
	ID        string
	OwnerID   string
	OwnerName string
	Name      string
	Page      string
	Query     map[string]string
	Columns   []string
	Shared    bool // with everyone of the owner's city, or of the province
	CreatedAt time.Time
	UpdatedAt time.Time
	Version   int64
}

type viewRow struct {
	ID        string
	OwnerID   string
	OwnerName string
	AreaCode  string
	Name      string
	Page      string
	Query     string
	Columns   string
	Shared    bool
	CreatedAt time.Time
	UpdatedAt time.Time
	Version   int64
}

func (viewRow) TableName() string { return "saved_views" }

func (r viewRow) view() (View, error) {
	v := View{ID: r.ID, OwnerID: r.OwnerID, OwnerName: r.OwnerName, Name: r.Name, Page: r.Page, Shared: r.Shared, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt, Version: r.Version}
	if err := json.Unmarshal([]byte(r.Query), &v.Query); err != nil {
		return v, fmt.Errorf("store: filter of view %s: %w", r.ID, err)
	}
	if err := json.Unmarshal([]byte(r.Columns), &v.Columns); err != nil {
		return v, fmt.Errorf("store: columns of view %s: %w", r.ID, err)
	}
	return v, nil
}

func viewRowOf(v View, scope access.Scope) (viewRow, error) {
	query, err := jsonText(v.Query)
	if err != nil {
		return viewRow{}, err
	}
	columns, err := jsonText(v.Columns)
	return viewRow{ID: v.ID, OwnerID: v.OwnerID, OwnerName: v.OwnerName, AreaCode: areaOf(scope), Name: v.Name, Page: v.Page, Query: query, Columns: columns,
		Shared: v.Shared, CreatedAt: v.CreatedAt, UpdatedAt: v.UpdatedAt, Version: v.Version}, err
}

// areaOf is the area within which views are shared: a city with its districts,
// or the province's own staff.
func areaOf(scope access.Scope) string {
	if city := scope.City(); city != "" {
		return city
	}
	return scope.Code()
}

// inReach narrows views to the actor's own and those shared in the same area.
func inReach(q *gorm.DB, by access.Actor) *gorm.DB {
	return q.Where("(owner_id = ? OR (shared AND area_code = ?))", by.ID, areaOf(by.Scope))
}

// Views returns one page of the views that the actor has of a list.
func (db *DB) Views(ctx context.Context, by access.Actor, page string, p Page) ([]View, error) {
	q := inReach(db.read.WithContext(ctx), by)
	if page != "" {
		q = q.Where("page = ?", page)
	}
	if p.After != "" {
		q = q.Where("id > ?", p.After)
	}
	var rows []viewRow
	if err := q.Order("id").Limit(p.Limit).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("store: list views: %w", err)
	}
	views := make([]View, len(rows))
	for i, r := range rows {
		var err error
		if views[i], err = r.view(); err != nil {
			return nil, err
		}
	}
	return views, nil
}

// View returns a view that the actor has, or NotFound.
func (db *DB) View(ctx context.Context, by access.Actor, id string) (View, error) {
	return loadView(db.read.WithContext(ctx), by, id)
}

// View returns a view that the actor has, or NotFound.
func (tx *Tx) View(id string) (View, error) { return loadView(tx.db, tx.By, id) }

func loadView(q *gorm.DB, by access.Actor, id string) (View, error) {
	var rows []viewRow
	if err := inReach(q, by).Where("id = ?", id).Limit(1).Find(&rows).Error; err != nil {
		return View{}, fmt.Errorf("store: read a view: %w", err)
	}
	if len(rows) == 0 {
		return View{}, fault.Missing()
	}
	return rows[0].view()
}

// OwnViews returns how many views the actor has made.
func (tx *Tx) OwnViews() (int, error) {
	var n int64
	if err := tx.db.Model(&viewRow{}).Where("owner_id = ?", tx.By.ID).Count(&n).Error; err != nil {
		return 0, fmt.Errorf("store: count views: %w", err)
	}
	return int(n), nil
}

// CreateView adds a view of the actor's.
func (tx *Tx) CreateView(v *View) error {
	v.OwnerID, v.OwnerName, v.Version, v.CreatedAt, v.UpdatedAt = tx.By.ID, tx.By.Name, 1, tx.At, tx.At
	row, err := viewRowOf(*v, tx.By.Scope)
	if err != nil {
		return err
	}
	err = tx.db.Create(&row).Error
	if duplicate(err) {
		return viewNameTaken(v.Name)
	}
	if err != nil {
		return fmt.Errorf("store: create a view: %w", err)
	}
	return tx.Record(tx.viewEvent("create", *v), nil, viewAudit(*v))
}

func viewNameTaken(name string) error {
	return fault.New(fault.Conflict, "view_name_taken", bilingual.F("您已有名为“%s”的视图", "you have a view called %q already", name)).
		WithMend("请换一个名称，或更新原有视图", "choose another name, or update the view that is there")
}

// UpdateView replaces before by after if nobody changed it since.
func (tx *Tx) UpdateView(before View, after *View) error {
	after.Version, after.UpdatedAt = before.Version+1, tx.At
	row, err := viewRowOf(*after, tx.By.Scope)
	if err != nil {
		return err
	}
	res := tx.db.Model(&viewRow{}).Where("id = ? AND owner_id = ? AND version = ?", before.ID, tx.By.ID, before.Version).
		Select("name", "query", "columns", "shared", "updated_at", "version").Updates(&row)
	if duplicate(res.Error) {
		return viewNameTaken(after.Name)
	}
	if err := affect(res, stale()); err != nil {
		return err
	}
	was, is := difference(viewAudit(before), viewAudit(*after))
	return tx.Record(tx.viewEvent("update", *after), was, is)
}

// RemoveView takes a view of the actor's away.
func (tx *Tx) RemoveView(v View) error {
	res := tx.db.Where("id = ? AND owner_id = ? AND version = ?", v.ID, tx.By.ID, v.Version).Delete(&viewRow{})
	if err := affect(res, stale()); err != nil {
		return err
	}
	return tx.Record(tx.viewEvent("remove", v), viewAudit(v), nil)
}

func (tx *Tx) viewEvent(action string, v View) Event {
	return Event{Action: action, Entity: "view", EntityID: v.ID, CityCode: tx.By.Scope.City(), DistrictCode: tx.By.Scope.District()}
}

// viewAudit leaves out what is searched for: it may be somebody's name.
func viewAudit(v View) map[string]string {
	return map[string]string{"name": v.Name, "page": v.Page, "shared": fmt.Sprint(v.Shared)}
}
