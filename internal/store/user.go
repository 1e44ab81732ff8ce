package store

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/fault"
)

// User is an account: a person with a role and an area.
type User struct {
	ID           string
	Username     string
	DisplayName  string
	Role         access.Role
	ScopeCode    string
	YardID       string // of a yard's account
	PasswordHash string
	Disabled     bool
	CreatedAt    time.Time
	UpdatedAt    time.Time
	Version      int64
}

// Actor returns the user as the one who asks on a request.
func (u User) Actor(sessionID, requestID string) access.Actor {
	scope := access.ScopeOf(u.ScopeCode)
	if u.Role == access.Yard {
		scope = access.ScopeOfYard(u.ScopeCode, u.YardID)
	}
	return access.Actor{ID: u.ID, Name: u.DisplayName, Role: u.Role, Scope: scope, SessionID: sessionID, RequestID: requestID}
}

func userView(u User) map[string]string {
	return map[string]string{"username": u.Username, "display_name": u.DisplayName, "role": string(u.Role), "scope": u.ScopeCode, "yard": u.YardID, "disabled": fmt.Sprint(u.Disabled)}
}

// CreateUser adds an account.
func (tx *Tx) CreateUser(u *User) error {
	u.Version, u.CreatedAt, u.UpdatedAt = 1, tx.At, tx.At
	err := tx.db.Create(u).Error
	if duplicate(err) {
		return fault.Field("body.username", "duplicate", bilingual.T("用户名已存在", "the user name is taken"), bilingual.T("换一个用户名", "choose another"))
	}
	if err != nil {
		return fmt.Errorf("store: create a user: %w", err)
	}
	return tx.Record(Event{Action: "create", Entity: "user", EntityID: u.ID}, nil, userView(*u))
}

// UpdateUser replaces before by after if nobody changed it since.
func (tx *Tx) UpdateUser(before User, after *User, action string) error {
	after.Version, after.UpdatedAt = before.Version+1, tx.At
	res := tx.db.Model(&User{}).Where("id = ? AND version = ?", before.ID, before.Version).
		Select("display_name", "role", "scope_code", "yard_id", "password_hash", "disabled", "updated_at", "version").Updates(after)
	if err := affect(res, stale()); err != nil {
		return err
	}
	was, is := difference(userView(before), userView(*after))
	return tx.Record(Event{Action: action, Entity: "user", EntityID: after.ID}, was, is)
}

// User returns an account by id, or NotFound. Accounts have no city: only an
// administrator of the province is let near them.
func (db *DB) User(ctx context.Context, id string) (User, error) {
	return loadUser(db.read.WithContext(ctx), "id = ?", id)
}

// UserNamed returns an account by its user name, or NotFound.
func (db *DB) UserNamed(ctx context.Context, username string) (User, error) {
	return loadUser(db.read.WithContext(ctx), "username = ?", username)
}

// User returns an account by id, or NotFound.
func (tx *Tx) User(id string) (User, error) { return loadUser(tx.db, "id = ?", id) }

func loadUser(q *gorm.DB, test, value string) (User, error) {
	var users []User
	if err := q.Where(test, value).Limit(1).Find(&users).Error; err != nil {
		return User{}, fmt.Errorf("store: read a user: %w", err)
	}
	if len(users) == 0 {
		return User{}, fault.Missing()
	}
	return users[0], nil
}

// Users returns one page of accounts by user name.
func (db *DB) Users(ctx context.Context, p Page) ([]User, error) {
	q := db.read.WithContext(ctx)
	if p.After != "" {
		q = q.Where("username > ?", p.After)
	}
	var users []User
	if err := q.Order("username").Limit(p.Limit).Find(&users).Error; err != nil {
		return nil, fmt.Errorf("store: list users: %w", err)
	}
	return users, nil
}

// SessionUser returns the user of a live session, or Unauthorized: the session
// was ended, ran out, or the account was disabled. It is asked on every
// request, so that a withdrawn right acts at once.
func (db *DB) SessionUser(ctx context.Context, sessionID string) (User, error) {
	users, err := find[User](db.read.WithContext(ctx), "id = (SELECT user_id FROM sessions WHERE id = ? AND revoked_at IS NULL AND expires_at > ?) AND NOT disabled", sessionID, db.Now())
	if err != nil {
		return User{}, fmt.Errorf("store: read a session: %w", err)
	}
	if len(users) == 0 {
		return User{}, Unauthorized()
	}
	return users[0], nil
}

// Unauthorized is the one fault for every request without a live session.
func Unauthorized() error {
	return fault.New(fault.Unauthorized, "unauthorized", bilingual.T("登录已失效，请重新登录", "not logged in, or the session has ended")).
		WithMend("请重新登录", "log in again")
}

type sessionRow struct {
	ID        string
	UserID    string
	CreatedAt time.Time
	ExpiresAt time.Time
	RevokedAt *time.Time
	Reason    string
}

func (sessionRow) TableName() string { return "sessions" }

type refreshRow struct {
	Hash      string
	SessionID string
	CreatedAt time.Time
	UsedAt    *time.Time
}

func (refreshRow) TableName() string { return "refresh_tokens" }

// StartSession adds a session with its first refresh token.
func (tx *Tx) StartSession(sessionID string, u User, refreshHash string, lasts time.Duration) error {
	if err := tx.db.Create(&sessionRow{ID: sessionID, UserID: u.ID, CreatedAt: tx.At, ExpiresAt: tx.At.Add(lasts)}).Error; err != nil {
		return fmt.Errorf("store: start a session: %w", err)
	}
	if err := tx.db.Create(&refreshRow{Hash: refreshHash, SessionID: sessionID, CreatedAt: tx.At}).Error; err != nil {
		return fmt.Errorf("store: start a session: %w", err)
	}
	return tx.Record(Event{Action: "login", Entity: "session", EntityID: sessionID}, nil, map[string]string{"user": u.Username})
}

// Rotation is what became of a refresh token.
type Rotation struct {
	User      User
	SessionID string
	Reused    bool // the token had been used before: the whole session is ended
}

// RotateRefresh uses up a refresh token and puts the next one in its place. A
// token that was used before ends its session, whoever shows it. An unknown or
// dead token fails with Unauthorized.
func (tx *Tx) RotateRefresh(hash, nextHash string) (Rotation, error) {
	var tokens []refreshRow
	if err := tx.db.Where("hash = ?", hash).Limit(1).Find(&tokens).Error; err != nil {
		return Rotation{}, fmt.Errorf("store: read a refresh token: %w", err)
	}
	if len(tokens) == 0 {
		return Rotation{}, Unauthorized()
	}
	token := tokens[0]
	var sessions []sessionRow
	if err := tx.db.Where("id = ?", token.SessionID).Limit(1).Find(&sessions).Error; err != nil || len(sessions) == 0 {
		return Rotation{}, Unauthorized()
	}
	session := sessions[0]
	user, err := tx.User(session.UserID)
	if err != nil {
		return Rotation{}, Unauthorized()
	}
	rotation := Rotation{User: user, SessionID: session.ID}
	res := tx.db.Model(&refreshRow{}).Where("hash = ? AND used_at IS NULL", hash).Update("used_at", tx.At)
	if res.Error != nil {
		return rotation, fmt.Errorf("store: use a refresh token: %w", res.Error)
	}
	if res.RowsAffected == 0 {
		rotation.Reused = true
		tx.By = user.Actor(session.ID, tx.By.RequestID)
		return rotation, tx.EndSession(session.ID, "refresh_token_reused")
	}
	if session.RevokedAt != nil || !session.ExpiresAt.After(tx.At) || user.Disabled {
		return rotation, Unauthorized()
	}
	if err := tx.db.Create(&refreshRow{Hash: nextHash, SessionID: session.ID, CreatedAt: tx.At}).Error; err != nil {
		return rotation, fmt.Errorf("store: rotate a refresh token: %w", err)
	}
	return rotation, nil
}

// SessionOfRefresh returns the session that a refresh token belongs to, or "".
func (tx *Tx) SessionOfRefresh(hash string) (string, error) {
	var tokens []refreshRow
	if err := tx.db.Where("hash = ?", hash).Limit(1).Find(&tokens).Error; err != nil {
		return "", fmt.Errorf("store: read a refresh token: %w", err)
	}
	if len(tokens) == 0 {
		return "", nil
	}
	return tokens[0].SessionID, nil
}

// EndSession ends a session; one that has ended stays as it is.
func (tx *Tx) EndSession(sessionID, reason string) error {
	res := tx.db.Model(&sessionRow{}).Where("id = ? AND revoked_at IS NULL", sessionID).Updates(map[string]any{"revoked_at": tx.At, "reason": reason})
	if res.Error != nil {
		return fmt.Errorf("store: end a session: %w", res.Error)
	}
	if res.RowsAffected == 0 {
		return nil
	}
	return tx.Record(Event{Action: "end", Entity: "session", EntityID: sessionID, Reason: reason}, nil, nil)
}

// EndSessions ends every session of a user but the one named.
func (tx *Tx) EndSessions(userID, except, reason string) error {
	err := tx.db.Model(&sessionRow{}).Where("user_id = ? AND id <> ? AND revoked_at IS NULL", userID, except).
		Updates(map[string]any{"revoked_at": tx.At, "reason": reason}).Error
	if err != nil {
		return fmt.Errorf("store: end sessions: %w", err)
	}
	return nil
}

type attemptRow struct {
	Username    string
	Failures    int64
	LastFailed  time.Time
	LockedUntil *time.Time
}

func (attemptRow) TableName() string { return "login_attempts" }

// LockedOut reports whether log-ins under a user name are refused for now,
// whether or not there is such an account.
func (db *DB) LockedOut(ctx context.Context, username string) (bool, error) {
	var rows []attemptRow
	if err := db.write.WithContext(ctx).Where("username = ?", username).Limit(1).Find(&rows).Error; err != nil {
		return false, fmt.Errorf("store: read log-in attempts: %w", err)
	}
	return len(rows) == 1 && rows[0].LockedUntil != nil && rows[0].LockedUntil.After(db.Now()), nil
}

// NoteFailure counts a failed log-in and locks the name after so many within
// the window.
func (tx *Tx) NoteFailure(username string, after int64, window, locks time.Duration) error {
	var rows []attemptRow
	if err := tx.db.Where("username = ?", username).Limit(1).Find(&rows).Error; err != nil {
		return fmt.Errorf("store: read log-in attempts: %w", err)
	}
	row := attemptRow{Username: username}
	if len(rows) == 1 && rows[0].LastFailed.After(tx.At.Add(-window)) {
		row.Failures = rows[0].Failures
	}
	row.Failures++
	row.LastFailed = tx.At
	if row.Failures >= after {
		until := tx.At.Add(locks)
		row.LockedUntil, row.Failures = &until, 0
		if err := tx.Record(Event{Action: "lock", Entity: "login", EntityID: username}, nil, nil); err != nil {
			return err
		}
	}
	err := tx.db.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "username"}}, UpdateAll: true}).Create(&row).Error
	if err != nil {
		return fmt.Errorf("store: note a failed log-in: %w", err)
	}
	return nil
}

// ForgetFailures clears the count of a user name after a good log-in.
func (tx *Tx) ForgetFailures(username string) error {
	return tx.db.Where("username = ?", username).Delete(&attemptRow{}).Error
}
