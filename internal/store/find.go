package store

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"phaseout/internal/access"
)

// find returns the rows of a gorm model that a test finds, in no order: SQLite
// takes five times as long for a few rows in order, and its callers sort a few
// rows themselves. It goes past gorm, which takes four times as long to build
// such a question and to read its answer as the database to give it: only what
// every small change asks is worth it, while it has the turn to write
// (docs/adr/0400).
func find[T any](q *gorm.DB, test string, args ...any) ([]T, error) {
	shape, err := shapeOf[T](q)
	if err != nil {
		return nil, err
	}
	text := shape.selects + test
	if q.Name() == string(Postgres) {
		text = numbered(text)
	}
	return rowsOf[T](q, shape, text, args)
}

// shape is what a gorm model has by its fields' columns, made once for each model.
type shape struct {
	table   string
	columns []string
	fields  []*schema.Field // of the columns
	asked   []string        // the columns as they are asked for
	selects string          // "SELECT … FROM … WHERE "
	inserts sync.Map        // rows in a statement → its text
}

var (
	shapes  sync.Map // of models by their types
	schemas sync.Map // gorm's
)

func shapeOf[T any](q *gorm.DB) (*shape, error) {
	model := reflect.TypeFor[T]()
	if known, ok := shapes.Load(model); ok {
		return known.(*shape), nil
	}
	parsed, err := schema.Parse(new(T), &schemas, q.NamingStrategy)
	if err != nil {
		return nil, fmt.Errorf("store: model: %w", err)
	}
	s := &shape{table: parsed.Table, columns: parsed.DBNames, asked: selection(parsed)}
	for _, name := range parsed.DBNames {
		s.fields = append(s.fields, parsed.FieldsByDBName[name])
	}
	s.selects = "SELECT " + strings.Join(s.asked, ", ") + " FROM " + s.table + " WHERE "
	shapes.Store(model, s)
	return s, nil
}

// list returns the rows of a gorm model that a query of gorm's finds, in its
// order. gorm builds it, and is not asked to scan what may be hundreds of rows.
func list[T any](q *gorm.DB) ([]T, error) {
	shape, err := shapeOf[T](q)
	if err != nil {
		return nil, err
	}
	built := q.Session(&gorm.Session{DryRun: true}).Select(shape.asked).Find(&[]T{})
	if built.Error != nil {
		return nil, built.Error
	}
	return rowsOf[T](q, shape, built.Statement.SQL.String(), built.Statement.Vars)
}

// selection are the columns of a model in their order; the one that no table
// has is asked for by what it is made from.
func selection(model *schema.Schema) []string {
	names := slices.Clone(model.DBNames)
	if at := slices.Index(names, "identifiers"); at >= 0 && model.Table == "assets" {
		names[at] = identifiersColumn
	}
	return names
}

// rowsOf runs a question for the columns of a model in their order.
func rowsOf[T any](q *gorm.DB, shape *shape, text string, args []any) ([]T, error) {
	ctx := q.Statement.Context
	rows, err := q.Statement.ConnPool.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var list []T
	into := make([]any, len(shape.fields))
	for rows.Next() {
		list = append(list, *new(T))
		row := reflect.ValueOf(&list[len(list)-1]).Elem()
		for i, field := range shape.fields {
			into[i] = field.ReflectValueOf(ctx, row).Addr().Interface()
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
	}
	return list, rows.Err()
}

// findInScope is find among the rows of a scope, of a table with a city and a
// district.
func findInScope[T any](q *gorm.DB, s access.Scope, test string, args ...any) ([]T, error) {
	if mine, more := scopeTest(s, "city_code", "district_code"); mine != "" {
		test, args = mine+" AND "+test, append(more, args...)
	}
	return find[T](q, test, args...)
}

// numbered writes the parameters of a statement as PostgreSQL wants them.
func numbered(text string) string {
	parts := strings.Split(text, "?")
	var b strings.Builder
	for i, part := range parts {
		if i > 0 {
			b.WriteString("$" + strconv.Itoa(i))
		}
		b.WriteString(part)
	}
	return b.String()
}

// anyOf is a test of a column against some values, each of them a parameter.
func anyOf(column string, n int) string {
	return column + " IN (" + strings.TrimSuffix(strings.Repeat("?,", n), ",") + ")"
}
