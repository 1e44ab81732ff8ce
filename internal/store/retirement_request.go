package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
	"phaseout/internal/retirement"
)

type requestRow struct {
	ID              string
	Kind            retirement.RequestKind
	RetirementID    string
	AssetID         string
	AssetLabel      string
	Class           registry.Class
	CityCode        string
	DistrictCode    string
	Item            string
	Before          string
	After           string
	Reason          string
	State           string
	RequestedBy     string
	RequestedByName string
	RequestedAt     time.Time
	DecidedBy       string
	DecidedByName   string
	DecidedAt       *time.Time
	Answer          string
	Version         int64
}

func (requestRow) TableName() string { return "retirement_requests" }

func requestRowOf(q retirement.Request) (requestRow, error) {
	row := requestRow{ID: q.ID, Kind: q.Kind, RetirementID: q.RetirementID, AssetID: q.AssetID, AssetLabel: q.AssetLabel, Class: q.Class, CityCode: q.CityCode,
		DistrictCode: q.DistrictCode, Item: q.Item, Reason: q.Reason, State: q.State, RequestedBy: q.RequestedBy, RequestedByName: q.RequestedByName,
		RequestedAt: q.RequestedAt, DecidedBy: q.DecidedBy, DecidedByName: q.DecidedByName, DecidedAt: q.DecidedAt, Answer: q.Answer, Version: q.Version}
	if q.Kind != retirement.Correction {
		return row, nil
	}
	before, err := json.Marshal(q.Before)
	if err != nil {
		return row, err
	}
	after, err := json.Marshal(q.After)
	row.Before, row.After = string(before), string(after)
	return row, err
}

func (r requestRow) request() (retirement.Request, error) {
	q := retirement.Request{ID: r.ID, Kind: r.Kind, RetirementID: r.RetirementID, AssetID: r.AssetID, AssetLabel: r.AssetLabel, Class: r.Class, CityCode: r.CityCode,
		DistrictCode: r.DistrictCode, Item: r.Item, Reason: r.Reason, State: r.State, RequestedBy: r.RequestedBy, RequestedByName: r.RequestedByName,
		RequestedAt: r.RequestedAt, DecidedBy: r.DecidedBy, DecidedByName: r.DecidedByName, DecidedAt: r.DecidedAt, Answer: r.Answer, Version: r.Version}
	if r.Kind != retirement.Correction {
		return q, nil
	}
	if err := errors.Join(json.Unmarshal([]byte(r.Before), &q.Before), json.Unmarshal([]byte(r.After), &q.After)); err != nil {
		return q, fmt.Errorf("store: declarations of request %s: %w", r.ID, err)
	}
	return q, nil
}

func requestEvent(action string, q retirement.Request, reason string) Event {
	return Event{Action: action, Entity: "retirement_request", EntityID: q.ID, AssetID: q.AssetID, CityCode: q.CityCode, DistrictCode: q.DistrictCode, Reason: reason}
}

// CreateRequest adds a request about a retirement; of one kind and item there is
// one open at a time.
func (tx *Tx) CreateRequest(q *retirement.Request) error {
	q.State, q.Version = retirement.RequestOpen, 1
	q.RequestedBy, q.RequestedByName, q.RequestedAt = tx.By.ID, tx.By.Name, tx.At
	row, err := requestRowOf(*q)
	if err != nil {
		return err
	}
	err = tx.db.Create(&row).Error
	if duplicate(err) {
		return fault.New(fault.Conflict, "request_open", bilingual.T("已有同样的申请待处理", "the same is asked for already")).
			WithMend("请等待处理结果", "wait for the answer")
	}
	if err != nil {
		return fmt.Errorf("store: create a request: %w", err)
	}
	return tx.Record(requestEvent("ask", *q, q.Reason), nil, map[string]string{"kind": string(q.Kind), "item": q.Item, "retirement_id": q.RetirementID})
}

// DecideRequest keeps the answer to a request if nobody decided it since.
func (tx *Tx) DecideRequest(before retirement.Request, after *retirement.Request) error {
	after.Version = before.Version + 1
	res := inScope(tx.db.Model(&requestRow{}), tx.By.Scope, true).Where("id = ? AND version = ? AND state = 'open'", before.ID, before.Version).
		Updates(map[string]any{"state": after.State, "decided_by": after.DecidedBy, "decided_by_name": after.DecidedByName, "decided_at": after.DecidedAt,
			"answer": after.Answer, "version": after.Version})
	if err := affect(res, stale()); err != nil {
		return err
	}
	return tx.Record(requestEvent(after.State, *after, after.Answer), map[string]string{"state": before.State}, map[string]string{"state": after.State, "kind": string(after.Kind)})
}

// Request returns a request of the scope, or NotFound.
func (db *DB) Request(ctx context.Context, scope access.Scope, id string) (retirement.Request, error) {
	return loadRequest(db.read.WithContext(ctx), scope, id)
}

// Request returns a request of the actor's scope, or NotFound.
func (tx *Tx) Request(id string) (retirement.Request, error) {
	return loadRequest(tx.db, tx.By.Scope, id)
}

func loadRequest(q *gorm.DB, scope access.Scope, id string) (retirement.Request, error) {
	var rows []requestRow
	if err := inScope(q, scope, true).Where("id = ?", id).Limit(1).Find(&rows).Error; err != nil {
		return retirement.Request{}, fmt.Errorf("store: read a request: %w", err)
	}
	if len(rows) == 0 {
		return retirement.Request{}, fault.Missing()
	}
	return rows[0].request()
}

// RequestFilter narrows a list of requests.
type RequestFilter struct {
	State        string
	Kind         retirement.RequestKind
	RetirementID string
}

// Requests returns one page of requests of the scope, newest first.
func (db *DB) Requests(ctx context.Context, scope access.Scope, f RequestFilter, p Page) ([]retirement.Request, error) {
	q := inScope(db.read.WithContext(ctx), scope, true)
	for column, value := range map[string]string{"state": f.State, "kind": string(f.Kind), "retirement_id": f.RetirementID} {
		if value != "" {
			q = q.Where(column+" = ?", value)
		}
	}
	if p.After != "" {
		q = q.Where("id < ?", p.After)
	}
	var rows []requestRow
	if err := q.Order("id DESC").Limit(p.Limit).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("store: list requests: %w", err)
	}
	list := make([]retirement.Request, len(rows))
	for i, r := range rows {
		var err error
		if list[i], err = r.request(); err != nil {
			return nil, err
		}
	}
	return list, nil
}
