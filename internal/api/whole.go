package api

import (
	"context"
	"net/http"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"phaseout/internal/bilingual"
	"phaseout/internal/fault"
)

// Some lists are short by nature, such as the classes, and are read whole. They
// take limit and cursor all the same, so that a client can read every list in
// one way. Without limit they answer with all that there is.

// window is what a request asked of a list that is read whole.
type window struct{ limit, cursor string }

// cutter is a list that can be cut to a window.
type cutter interface{ cut(from, limit int) }

func (l *listOut[T]) cut(from, limit int) {
	items := l.Body.Items
	from = min(from, len(items))
	to := min(from+limit, len(items))
	l.Body.Items, l.Body.NextCursor = items[from:to], ""
	if to < len(items) {
		l.Body.NextCursor = encodeCursor(strconv.Itoa(to))
	}
}

// wholeList reports whether an operation answers with a list and does not page it
// itself.
func wholeList[I, O any](method string) bool {
	_, isList := any(new(O)).(cutter)
	_, pages := reflect.TypeFor[I]().FieldByName("Limit")
	return method == http.MethodGet && isList && !pages
}

func wholeListParameters() []*huma.Param {
	least, most, longest := 1.0, 500.0, 200
	return []*huma.Param{
		{Name: "limit", In: "query", Description: "Rows in a page; all if left out.", Schema: &huma.Schema{Type: "integer", Format: "int64", Minimum: &least, Maximum: &most}},
		{Name: "cursor", In: "query", Description: "next_cursor of the page before.", Schema: &huma.Schema{Type: "string", MaxLength: &longest}},
	}
}

// cut cuts a list to the window that the request asks for.
func cut(ctx context.Context, out any) error {
	w, _ := ctx.Value(windowKey).(window)
	list, ok := out.(cutter)
	if !ok || w == (window{}) {
		return nil
	}
	from, limit := 0, 500
	if w.cursor != "" {
		key, err := decodeCursor(w.cursor)
		if err != nil {
			return err
		}
		if from, err = strconv.Atoi(key); err != nil || from < 0 {
			return fault.Field("query.cursor", "format", bilingual.T("游标无效", "the cursor is not valid"), bilingual.T("请从第一页重新开始", "start again from the first page"))
		}
	}
	if w.limit != "" {
		n, err := strconv.Atoi(w.limit)
		if err != nil || n < 1 || n > 500 {
			return fault.Field("query.limit", "out_of_range", bilingual.T("limit 应在 1 到 500 之间", "limit is from 1 to 500"), bilingual.T("不填则返回全部", "leave it out for all rows"))
		}
		limit = n
	}
	list.cut(from, limit)
	return nil
}
