package store

import (
	"reflect"
	"strconv"
	"strings"
)

// postgresChunk is how many rows go into one statement on PostgreSQL, where
// each statement is a round trip; a statement has at most 65,535 parameters.
const postgresChunk = 200

// rowsAtOnce is how many of the cells that are left go into one statement. On
// SQLite there are few sizes, so that the statements stay prepared.
func (db *DB) rowsAtOnce(left int) int {
	if db.engine == Postgres {
		return min(left, postgresChunk)
	}
	for _, size := range []int{16, 4} {
		if left >= size {
			return size
		}
	}
	return 1
}

// updateInScope changes the columns in which two rows of a gorm model differ, of
// the one row that a guard finds in the actor's scope; it fails as stale if there
// is none. To write only them leaves the indexes of all others alone.
func updateInScope[T any](tx *Tx, before, after *T, guard string, args ...any) error {
	shape, err := shapeOf[T](tx.db)
	if err != nil {
		return err
	}
	was, is := reflect.ValueOf(before).Elem(), reflect.ValueOf(after).Elem()
	var columns []string
	var values []any
	for i, field := range shape.fields {
		old, _ := field.ValueOf(tx.ctx, was)
		current, _ := field.ValueOf(tx.ctx, is)
		if !reflect.DeepEqual(old, current) {
			columns, values = append(columns, shape.columns[i]+" = ?"), append(values, current)
		}
	}
	if len(columns) == 0 {
		return nil
	}
	if mine, more := scopeTest(tx.By.Scope, "city_code", "district_code"); mine != "" {
		guard, args = mine+" AND "+guard, append(more, args...)
	}
	text := "UPDATE " + shape.table + " SET " + strings.Join(columns, ", ") + " WHERE " + guard
	if tx.store.engine == Postgres {
		text = numbered(text)
	}
	return tx.execOne(text, append(values, args...)...)
}

// exec runs a statement that is run many times, past gorm. The drivers keep it
// prepared by themselves.
func (tx *Tx) exec(query string, args ...any) error {
	_, err := tx.execCounted(query, args...)
	return err
}

// execOne is exec for a guarded statement that must change one row.
func (tx *Tx) execOne(query string, args ...any) error {
	n, err := tx.execCounted(query, args...)
	if err == nil && n != 1 {
		return stale()
	}
	return err
}

func (tx *Tx) execCounted(query string, args ...any) (rows int64, err error) {
	handle, err := sqlTx(tx.db)
	if err != nil {
		return 0, err
	}
	res, err := handle.ExecContext(tx.ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// insertAll inserts rows of a gorm model: one prepared statement run for each
// row on SQLite, where that is fastest (measured, docs/benchmarks.md) unless they
// are a few, many rows to a statement on PostgreSQL.
func insertAll[T any](tx *Tx, rows []T) error {
	if len(rows) == 0 {
		return nil
	}
	shape, err := shapeOf[T](tx.db)
	if err != nil {
		return err
	}
	size := 1
	switch {
	case tx.store.engine == Postgres:
		size = postgresChunk
	case len(rows) <= 4: // the events or steps of one change: few texts, which stay prepared
		size = len(rows)
	}
	value := reflect.ValueOf(rows)
	args := make([]any, 0, size*len(shape.fields))
	for from := 0; from < len(rows); from += size {
		to := min(from+size, len(rows))
		args = args[:0]
		for i := from; i < to; i++ {
			for _, field := range shape.fields {
				v, _ := field.ValueOf(tx.ctx, value.Index(i))
				args = append(args, v)
			}
		}
		if err := tx.exec(tx.store.insertText(shape, to-from), args...); err != nil {
			return err
		}
	}
	return nil
}

// insertText is the INSERT of so many rows of a model.
func (db *DB) insertText(s *shape, rows int) string {
	key := [2]any{db.engine, rows}
	if text, ok := s.inserts.Load(key); ok {
		return text.(string)
	}
	var b strings.Builder
	b.WriteString("INSERT INTO " + s.table + " (" + strings.Join(s.columns, ", ") + ") VALUES ")
	for i := range rows {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteByte('(')
		for j := range s.columns {
			if j > 0 {
				b.WriteString(", ")
			}
			b.WriteString(db.placeholder(i*len(s.columns) + j + 1))
		}
		b.WriteByte(')')
	}
	s.inserts.Store(key, b.String())
	return b.String()
}

// placeholder is the n-th parameter of a statement, from 1.
func (db *DB) placeholder(n int) string {
	if db.engine == Postgres {
		return "$" + strconv.Itoa(n)
	}
	return "?"
}
