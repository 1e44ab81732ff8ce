package store

import (
	"database/sql"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"sync"

	"gorm.io/gorm/schema"
)

// postgresChunk is how many rows go into one statement on PostgreSQL, where
// each statement is a round trip; a statement has at most 65,535 parameters.
const postgresChunk = 200

var schemas sync.Map

// statement prepares a statement once for the transaction. gorm would prepare
// it anew for each row, which takes as long as running it.
func (tx *Tx) statement(query string) (*sql.Stmt, error) {
	if s, ok := tx.prepared[query]; ok {
		return s, nil
	}
	handle, err := sqlTx(tx.db)
	if err != nil {
		return nil, err
	}
	s, err := handle.PrepareContext(tx.ctx, query)
	if err != nil {
		return nil, err
	}
	if tx.prepared == nil {
		tx.prepared = map[string]*sql.Stmt{}
	}
	tx.prepared[query] = s
	return s, nil
}

// exec runs a statement that is run many times. pgx keeps its statements
// prepared by itself.
func (tx *Tx) exec(query string, args ...any) error {
	if tx.store.engine == Postgres {
		handle, err := sqlTx(tx.db)
		if err != nil {
			return err
		}
		_, err = handle.ExecContext(tx.ctx, query, args...)
		return err
	}
	s, err := tx.statement(query) //nolint:sqlclosecheck // it ends with the transaction
	if err != nil {
		return err
	}
	_, err = s.ExecContext(tx.ctx, args...)
	return err
}

// insertAll inserts rows of a gorm model: one prepared statement run for each
// row on SQLite, where that is fastest (measured, docs/benchmarks.md), many
// rows to a statement on PostgreSQL.
func insertAll[T any](tx *Tx, rows []T) error {
	if len(rows) == 0 {
		return nil
	}
	model, err := schema.Parse(new(T), &schemas, tx.db.NamingStrategy)
	if err != nil {
		return fmt.Errorf("store: model: %w", err)
	}
	size := 1
	if tx.store.engine == Postgres {
		size = postgresChunk
	}
	value := reflect.ValueOf(rows)
	args := make([]any, 0, size*len(model.DBNames))
	for from := 0; from < len(rows); from += size {
		to := min(from+size, len(rows))
		args = args[:0]
		for i := from; i < to; i++ {
			for _, name := range model.DBNames {
				v, _ := model.FieldsByDBName[name].ValueOf(tx.ctx, value.Index(i))
				args = append(args, v)
			}
		}
		if err := tx.exec(tx.insertText(model, to-from), args...); err != nil {
			return err
		}
	}
	return nil
}

// insertText is the INSERT of so many rows of a model.
func (tx *Tx) insertText(model *schema.Schema, rows int) string {
	var b strings.Builder
	b.WriteString("INSERT INTO " + model.Table + " (" + strings.Join(model.DBNames, ", ") + ") VALUES ")
	for i := range rows {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteByte('(')
		for j := range model.DBNames {
			if j > 0 {
				b.WriteString(", ")
			}
			b.WriteString(tx.store.placeholder(i*len(model.DBNames) + j + 1))
		}
		b.WriteByte(')')
	}
	return b.String()
}

// placeholder is the n-th parameter of a statement, from 1.
func (db *DB) placeholder(n int) string {
	if db.engine == Postgres {
		return "$" + strconv.Itoa(n)
	}
	return "?"
}
