package app

import (
	"context"
	"strings"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/fault"
	"phaseout/internal/store"
)

// maxViews is how many views one user keeps.
const maxViews = 100

// CreateView keeps a list's filter and columns under a name.
func (a *App) CreateView(ctx context.Context, by access.Actor, v store.View) (store.View, error) {
	return write(ctx, a, by, func(tx *store.Tx) (store.View, error) {
		if err := checkView(&v); err != nil {
			return v, err
		}
		n, err := tx.OwnViews()
		if err != nil {
			return v, err
		}
		if n >= maxViews {
			return v, fault.New(fault.Conflict, "too_many_views", bilingual.F("最多保存 %d 个视图", "at most %d views are kept", maxViews)).
				WithMend("请先删除不再使用的视图", "delete one that is no longer used")
		}
		v.ID = newID()
		return v, tx.CreateView(&v)
	})
}

func checkView(v *store.View) error {
	if v.Name = strings.Join(strings.Fields(v.Name), " "); v.Name == "" {
		return fault.Field("body.name", "required", bilingual.T("请填写视图名称", "the view needs a name"), bilingual.T("例如：国三重型货车", "for example: heavy trucks of China III"))
	}
	for key, value := range v.Query {
		if len(key) > 40 || len(value) > 400 {
			return fault.Field("body.query", "length", bilingual.F("筛选条件“%.40s”过长", "the filter %.40q is too long", key), bilingual.T("请缩短检索内容", "search for less"))
		}
	}
	return nil
}

// ViewChange is what is to be changed of a view; what is nil stays.
type ViewChange struct {
	Name    *string
	Query   map[string]string
	Columns []string
	Shared  *bool
}

// AmendView changes a view of the actor's that is based on the version.
func (a *App) AmendView(ctx context.Context, by access.Actor, id string, version int64, c ViewChange) (store.View, error) {
	return write(ctx, a, by, func(tx *store.Tx) (store.View, error) {
		before, err := ownView(tx, id, version)
		if err != nil {
			return before, err
		}
		after := before
		if c.Name != nil {
			after.Name = *c.Name
		}
		if c.Query != nil {
			after.Query = c.Query
		}
		if c.Columns != nil {
			after.Columns = c.Columns
		}
		if c.Shared != nil {
			after.Shared = *c.Shared
		}
		if err := checkView(&after); err != nil {
			return before, err
		}
		return after, tx.UpdateView(before, &after)
	})
}

// RemoveView takes a view of the actor's away.
func (a *App) RemoveView(ctx context.Context, by access.Actor, id string, version int64) error {
	_, err := write(ctx, a, by, func(tx *store.Tx) (store.View, error) {
		v, err := ownView(tx, id, version)
		if err != nil {
			return v, err
		}
		return v, tx.RemoveView(v)
	})
	return err
}

// ownView returns a view that the actor may change, in the version it knows.
func ownView(tx *store.Tx, id string, version int64) (store.View, error) {
	v, err := tx.View(id)
	switch {
	case err != nil:
		return v, err
	case v.OwnerID != tx.By.ID:
		return v, fault.New(fault.Denied, "not_owner", bilingual.F("该视图由 %s 创建，只有本人可以修改", "the view is %s's, who alone may change it", v.OwnerName)).
			WithMend("请另存为自己的视图", "save it as a view of your own")
	case v.Version != version:
		return v, staleSince(version, v.Version)
	}
	return v, nil
}
