package app

import (
	"context"
	"strings"
	"time"

	"phaseout/internal/access"
	"phaseout/internal/auth"
	"phaseout/internal/bilingual"
	"phaseout/internal/fault"
	"phaseout/internal/store"
)

// Log-in limits: after maxFailures within failureWindow a user name is locked
// for lockFor, whether or not there is such an account.
const (
	maxFailures   = 5
	failureWindow = 15 * time.Minute
	lockFor       = 15 * time.Minute
	sessionLasts  = 12 * time.Hour
)

// Grant is what a log-in or a refresh gives.
type Grant struct {
	AccessToken  string
	ExpiresIn    time.Duration
	RefreshToken string
}

// badLogin is the one answer to a wrong password, an unknown name, a disabled
// and a locked account, so that none of them can be told from another.
func badLogin() error {
	return fault.New(fault.Unauthorized, "login_failed", bilingual.T("用户名或密码错误，或账户暂时锁定", "wrong user name or password, or the account is locked for now")).
		WithMend("请核对后重试；多次失败会锁定 15 分钟", "check both and try again; several failures lock the account for 15 minutes")
}

// Login starts a session.
func (a *App) Login(ctx context.Context, username, password, requestID string) (Grant, error) {
	username = strings.ToLower(strings.TrimSpace(username))
	if username == "" || len(username) > 64 || len(password) > 1024 {
		auth.VerifyNothing(password[:min(len(password), 64)])
		return Grant{}, badLogin()
	}
	locked, err := a.DB.LockedOut(ctx, username)
	if err != nil {
		return Grant{}, err
	}
	user, err := a.DB.UserNamed(ctx, username)
	known := err == nil
	if err != nil && !fault.Is(err, fault.NotFound) {
		return Grant{}, err
	}
	good := false
	if known {
		if good, err = auth.Verify(password, user.PasswordHash); err != nil {
			return Grant{}, err
		}
	} else {
		auth.VerifyNothing(password)
	}
	actor := access.System(requestID)
	if !good || locked || user.Disabled {
		if !locked {
			err := a.DB.Write(ctx, actor, func(tx *store.Tx) error {
				return tx.NoteFailure(username, maxFailures, failureWindow, lockFor)
			})
			if err != nil {
				return Grant{}, err
			}
		}
		return Grant{}, badLogin()
	}
	refresh, hash, err := auth.NewRefresh()
	if err != nil {
		return Grant{}, err
	}
	sessionID := newID()
	err = a.DB.Write(ctx, user.Actor(sessionID, requestID), func(tx *store.Tx) error {
		if err := tx.ForgetFailures(username); err != nil {
			return err
		}
		return tx.StartSession(sessionID, user, hash, sessionLasts)
	})
	if err != nil {
		return Grant{}, err
	}
	return a.grant(user.ID, sessionID, refresh)
}

func (a *App) grant(userID, sessionID, refresh string) (Grant, error) {
	token, lasts, err := a.Tokens.Issue(userID, sessionID)
	return Grant{AccessToken: token, ExpiresIn: lasts, RefreshToken: refresh}, err
}

// Refresh turns a refresh token into a new grant. A token that is shown a
// second time ends its whole session.
func (a *App) Refresh(ctx context.Context, refresh, requestID string) (Grant, error) {
	next, nextHash, err := auth.NewRefresh()
	if err != nil {
		return Grant{}, err
	}
	var rotation store.Rotation
	err = a.DB.Write(ctx, access.System(requestID), func(tx *store.Tx) (err error) {
		rotation, err = tx.RotateRefresh(auth.HashRefresh(refresh), nextHash)
		return err
	})
	if err != nil {
		return Grant{}, err
	}
	if rotation.Reused {
		return Grant{}, store.Unauthorized()
	}
	return a.grant(rotation.User.ID, rotation.SessionID, next)
}

// Logout ends the session of a refresh token. An unknown token is no error.
func (a *App) Logout(ctx context.Context, refresh, requestID string) error {
	return a.DB.Write(ctx, access.System(requestID), func(tx *store.Tx) error {
		session, err := tx.SessionOfRefresh(auth.HashRefresh(refresh))
		if err != nil || session == "" {
			return err
		}
		return tx.EndSession(session, "logout")
	})
}

// Authenticate returns the actor of an access token, with the rights that the
// account has now.
func (a *App) Authenticate(ctx context.Context, token, requestID string) (access.Actor, error) {
	claims, err := a.Tokens.Parse(token)
	if err != nil {
		return access.Actor{}, store.Unauthorized()
	}
	user, err := a.DB.SessionUser(ctx, claims.SessionID)
	if err != nil {
		return access.Actor{}, err
	}
	if user.ID != claims.UserID {
		return access.Actor{}, store.Unauthorized()
	}
	return user.Actor(claims.SessionID, requestID), nil
}

// Account is what an administrator sets on a user. Nil members stay as they are.
type Account struct {
	Username    string
	DisplayName *string
	Role        *access.Role
	ScopeCode   *string
	YardID      *string
	Disabled    *bool
	Password    *string
}

// CreateUser adds an account.
func (a *App) CreateUser(ctx context.Context, by access.Actor, in Account) (store.User, error) {
	u := store.User{ID: newID(), Username: strings.ToLower(strings.TrimSpace(in.Username))}
	if err := a.setAccount(&u, in); err != nil {
		return u, err
	}
	return write(ctx, a, by, func(tx *store.Tx) (store.User, error) {
		if err := yardOfAccount(tx, u); err != nil {
			return u, err
		}
		return u, tx.CreateUser(&u)
	})
}

// UpdateUser changes an account that is based on the version. A change of
// role, area or password, or disabling it, ends its sessions.
func (a *App) UpdateUser(ctx context.Context, by access.Actor, id string, version int64, in Account) (store.User, error) {
	return write(ctx, a, by, func(tx *store.Tx) (store.User, error) {
		before, err := tx.User(id)
		if err != nil {
			return before, err
		}
		if before.Version != version {
			return before, staleSince(version, before.Version)
		}
		after := before
		if err := a.setAccount(&after, in); err != nil {
			return before, err
		}
		if err := yardOfAccount(tx, after); err != nil {
			return before, err
		}
		if id == by.ID && (after.Disabled || after.Role != before.Role) {
			return before, fault.New(fault.Conflict, "own_account", bilingual.T("不能停用自己或更改自己的角色", "you cannot disable yourself or change your own role"))
		}
		if after.Role != before.Role || after.ScopeCode != before.ScopeCode || after.YardID != before.YardID || after.PasswordHash != before.PasswordHash || after.Disabled {
			if err := tx.EndSessions(id, "", "account_changed"); err != nil {
				return before, err
			}
		}
		return after, tx.UpdateUser(before, &after, "update")
	})
}

func (a *App) setAccount(u *store.User, in Account) error {
	var details []fault.Detail
	add := func(field, code string, message bilingual.Text) {
		details = append(details, fault.Detail{Location: "body." + field, Code: code, Message: message})
	}
	if in.DisplayName != nil {
		u.DisplayName = strings.TrimSpace(*in.DisplayName)
	}
	if u.DisplayName == "" {
		u.DisplayName = u.Username
	}
	if in.Role != nil {
		u.Role = *in.Role
	}
	if in.ScopeCode != nil {
		u.ScopeCode = *in.ScopeCode
	}
	if in.YardID != nil {
		u.YardID = *in.YardID
	}
	if u.Role != access.Yard {
		u.YardID = ""
	}
	if in.Disabled != nil {
		u.Disabled = *in.Disabled
	}
	if u.Username == "" || len(u.Username) > 64 || strings.ContainsAny(u.Username, " \t\r\n/\\") {
		add("username", "format", bilingual.T("用户名不能为空，且不能含空格或斜杠", "a user name must not be empty or hold blanks or slashes"))
	}
	if !u.Role.Valid() {
		add("role", "unknown_value", bilingual.F("“%s”不是角色", "%q is not a role", u.Role))
	}
	if _, ok := a.Reference.Region(u.ScopeCode); !ok {
		add("scope_code", "unknown_value", bilingual.F("“%s”不是辖区代码", "%q is not an area", u.ScopeCode))
	} else if provinceOnly(u.Role) && u.ScopeCode != access.ProvinceCode {
		add("scope_code", "wrong_scope", bilingual.T("该角色的辖区必须是全省 430000", "this role needs the whole province, 430000"))
	}
	if in.Password != nil {
		wrong := a.Policy.Check(*in.Password, u.Username, u.DisplayName)
		details = append(details, wrong...)
		if len(wrong) == 0 {
			hash, err := auth.Hash(*in.Password)
			if err != nil {
				return err
			}
			u.PasswordHash = hash
		}
	}
	if u.PasswordHash == "" && in.Password == nil {
		add("password", "required", bilingual.T("缺少密码", "the password is missing"))
	}
	if len(details) > 0 {
		return fault.Fields(details)
	}
	return nil
}

// provinceOnly reports whether a role makes sense for the whole province only.
func provinceOnly(r access.Role) bool { return r == access.Admin }

// ChangePassword sets a user's own password and ends the user's other sessions.
func (a *App) ChangePassword(ctx context.Context, by access.Actor, current, next string) error {
	user, err := a.DB.User(ctx, by.ID)
	if err != nil {
		return err
	}
	good, err := auth.Verify(current, user.PasswordHash)
	if err != nil {
		return err
	}
	if !good {
		return fault.Field("body.current_password", "wrong_password", bilingual.T("当前密码不正确", "the present password is wrong"), bilingual.Text{})
	}
	after := user
	if err := a.setAccount(&after, Account{Username: user.Username, Password: &next}); err != nil {
		return err
	}
	return a.DB.Write(ctx, by, func(tx *store.Tx) error {
		if err := tx.EndSessions(user.ID, by.SessionID, "password_changed"); err != nil {
			return err
		}
		return tx.UpdateUser(user, &after, "password")
	})
}
