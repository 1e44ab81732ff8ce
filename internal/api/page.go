package api

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"phaseout/internal/access"
	"phaseout/internal/app"
	"phaseout/internal/bilingual"
	"phaseout/internal/fault"
	"phaseout/internal/store"
)

// Paging is the part of a list's input that says where it starts.
type Paging struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"50" doc:"Rows in a page."`
	Cursor string `query:"cursor" maxLength:"200" doc:"next_cursor of the page before."`
}

// page decodes the cursor, an opaque form of the last key of the page before.
// One more row is asked for than is shown, to know whether there is a next page.
func (p Paging) page() (store.Page, error) {
	after, err := decodeCursor(p.Cursor)
	return store.Page{After: after, Limit: p.Limit + 1}, err
}

func encodeCursor(key string) string { return base64.RawURLEncoding.EncodeToString([]byte("1:" + key)) }

func decodeCursor(cursor string) (string, error) {
	if cursor == "" {
		return "", nil
	}
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	key, ok := strings.CutPrefix(string(text), "1:")
	if err != nil || !ok || key == "" || strings.ContainsRune(key, 0) {
		return "", fault.Field("query.cursor", "format", bilingual.T("游标无效", "the cursor is not valid"),
			bilingual.T("请从第一页重新开始", "start again from the first page"))
	}
	return key, nil
}

// List is the answer of every list.
type List[T any] struct {
	Items       []T    `json:"items"`
	NextCursor  string `json:"next_cursor,omitempty" doc:"Absent on the last page."`
	Total       *int   `json:"total,omitempty" doc:"Only when asked for with total=true."`
	TotalCapped bool   `json:"total_capped,omitempty" doc:"The total is a lower bound: counting stopped there."`
}

type listOut[T any] struct{ Body List[T] }

// listOf makes a page of views from rows, one more of which than limit means
// that there is a next page.
func listOf[R, T any](rows []R, limit int, key func(R) string, view func(R) T) *listOut[T] {
	out := &listOut[T]{Body: List[T]{Items: make([]T, 0, min(len(rows), limit))}}
	for i, r := range rows {
		if i == limit {
			out.Body.NextCursor = encodeCursor(key(rows[i-1]))
			break
		}
		out.Body.Items = append(out.Body.Items, view(r))
	}
	return out
}

// one is the answer with a single record; its version is the ETag.
type one[T any] struct {
	ETag string `header:"ETag"`
	Body T
}

func etag(version int64) string { return strconv.Quote(strconv.FormatInt(version, 10)) }

func oneOf[T any](version int64, v T) *one[T] { return &one[T]{ETag: etag(version), Body: v} }

// Based is the part of a change's input that says which version it is based on.
type Based struct {
	IfMatch string `header:"If-Match" doc:"ETag of the version that the change is based on. Required."`
}

// version decodes If-Match. Without it the change is refused with 428.
func (b Based) version() (int64, error) {
	if b.IfMatch == "" {
		return 0, fault.New(fault.Precondition, "if_match_required", bilingual.T("缺少 If-Match，无法确认修改依据的版本", "If-Match is missing: which version is the change based on?")).
			WithMend("先读取记录，将其 ETag 放入 If-Match", "read the record and send its ETag as If-Match")
	}
	tag := strings.TrimPrefix(b.IfMatch, "W/")
	text, err := strconv.Unquote(tag)
	if err != nil {
		text = tag
	}
	if v, err := strconv.ParseInt(text, 10, 64); err == nil {
		return v, nil
	}
	return 0, nil // no version is 0: the change is answered with 412 and the present record
}

// withCurrent adds the record as it is now to a 412, so that the client can
// show both versions.
func (s *Server) withCurrent(ctx context.Context, err error, current func() (any, int64, error)) error {
	if !fault.Is(err, fault.Stale) {
		return err
	}
	p := s.problem(ctx, err)
	view, version, loadErr := current()
	if loadErr != nil {
		return loadErr
	}
	p.Current, p.CurrentVersion = view, &version
	return p
}

// changed answers a change of a record: the record after it, or with a 412 the
// record as it is.
func changed[V any](ctx context.Context, s *Server, id string, err error, load func(context.Context, string) (V, error), version func(V) int64) (*one[V], error) {
	v, loadErr := load(ctx, id)
	if err != nil {
		return nil, s.withCurrent(ctx, err, func() (any, int64, error) { return v, version(v), loadErr })
	}
	return oneOf(version(v), v), loadErr
}

// Keyed is the part of a creating POST's input that makes it safe to repeat.
type Keyed struct {
	Key string `header:"Idempotency-Key" maxLength:"200" doc:"Same key, same answer: a repeated request is answered as the first one was."`
}

// created is the answer of a creating POST.
type created[T any] struct {
	Location string `header:"Location"`
	ETag     string `header:"ETag"`
	Replayed string `header:"Idempotency-Replayed" doc:"true if the answer is that of an earlier request with this key."`
	Body     T
}

// create runs a deed that makes a record, under the client's idempotency key
// if it gave one. request is what the key stands for; view turns the record
// into the answer, location and version into its headers.
func create[R, V any](ctx context.Context, k Keyed, op string, request any, deed func(context.Context, access.Actor) (R, error),
	view func(R) V, location func(V) string, version func(V) int64,
) (*created[V], error) {
	by := actor(ctx)
	if k.Key != "" {
		text, err := json.Marshal(request)
		if err != nil {
			return nil, fmt.Errorf("api: fingerprint of a request: %w", err)
		}
		sum := sha256.Sum256(text)
		key := store.Key{Operation: op, Value: k.Key, Fingerprint: hex.EncodeToString(sum[:])}
		ctx = app.WithKey(ctx, key, func(result any) any { return view(result.(R)) })
	}
	result, err := deed(ctx, by)
	var v V
	replayed := ""
	var replay *app.Replay
	switch {
	case errors.As(err, &replay):
		if err := json.Unmarshal(replay.Answer, &v); err != nil {
			return nil, fmt.Errorf("api: kept answer: %w", err)
		}
		replayed = "true"
	case err != nil:
		return nil, err
	default:
		v = view(result)
	}
	return &created[V]{Location: base + location(v), ETag: etag(version(v)), Replayed: replayed, Body: v}, nil
}
