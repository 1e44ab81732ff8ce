package store

// FoldAfter has commits fold when so many assets are pending.
func (db *DB) FoldAfter(assets int64) { db.foldAfter = assets }
