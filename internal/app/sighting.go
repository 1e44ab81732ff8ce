package app

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/identifier"
	"phaseout/internal/store"
)

// RetiredSeen is the kind of case that a sighting of a retired identity opens.
const RetiredSeen = "sighting"

// SightingSources are the systems that see vehicles and machines.
var SightingSources = []string{"gate", "inspection", "obd", "patrol"}

// Seen is one sighting as another system reports it.
type Seen struct {
	Ref   string    // the sender's own number of it; the same one is taken once
	Value string    // plate, frame number, serial number, environmental code or ship id
	At    time.Time // when it was seen
	Place string
}

// keyPrefix marks a server key, so that one that leaked is found by a scan for it.
const keyPrefix = "psk_"

func keyHash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// CreateServerKey makes a key for another system and returns it with its
// secret, which is not kept and cannot be shown again.
func (a *App) CreateServerKey(ctx context.Context, by access.Actor, k store.ServerKey) (store.ServerKey, string, error) {
	k.Name = strings.TrimSpace(k.Name)
	switch {
	case k.Name == "":
		return k, "", fault.Field("body.name", "required", bilingual.T("请填写名称", "give the key a name"), bilingual.T("如“长沙某企业门禁”", "such as the gate of a works"))
	case !slices.Contains(SightingSources, k.Source):
		return k, "", fault.Field("body.source", "unknown_value", bilingual.F("“%s”不是来源", "%q is not a source", k.Source), bilingual.T("请从列表中选择", "choose one from the list"))
	case k.ExpiresOn != "" && (!k.ExpiresOn.Valid() || k.ExpiresOn < a.Today()):
		return k, "", fault.Field("body.expires_on", "date_past", bilingual.T("有效期止无效或已过", "the last day is not a day, or is past"), bilingual.T("按 2026-12-31 的格式填写，可留空", "write it as 2026-12-31, or leave it out"))
	}
	if r, known := a.Reference.Region(k.CityCode); k.CityCode != "" && (!known || r.Level != "city") {
		return k, "", fault.Field("body.city_code", "unknown_value", bilingual.F("“%s”不是市代码", "%q is not a city", k.CityCode), bilingual.T("留空表示全省", "leave it out for the whole province"))
	}
	secret := newSecret(&k)
	err := a.DB.Write(ctx, by, func(tx *store.Tx) error { return tx.CreateServerKey(&k) })
	return k, secret, err
}

// newSecret gives a new key its id and its secret.
func newSecret(k *store.ServerKey) string {
	var random [24]byte
	_, _ = rand.Read(random[:]) // never fails
	secret := keyPrefix + base64.RawURLEncoding.EncodeToString(random[:])
	k.ID, k.Hash, k.Hint = newID(), keyHash(secret), secret[len(secret)-4:]
	return secret
}

// MaxOverlap is how many days a key may go on beside the one that replaces it.
const MaxOverlap = 90

// RotateServerKey makes a key of the same name, source and city in the place of
// another, and returns it with its secret. The old one is taken for the days of
// the overlap as well, today not counted and never beyond its own last day, and
// then ends by itself: the system changes over without a gap. expires is the last
// day of the new key, "" for none.
func (a *App) RotateServerKey(ctx context.Context, by access.Actor, id string, overlap int, expires civil.Day) (store.ServerKey, string, error) {
	last := a.Today().AddDays(overlap)
	switch {
	case overlap < 0 || overlap > MaxOverlap:
		return store.ServerKey{}, "", fault.Field("body.overlap_days", "count", bilingual.F("并用 %d 天，应为 0 至 %d 天", "%d days; there must be 0 to %d", overlap, MaxOverlap), bilingual.T("一般 7 天即可", "a week will do"))
	case expires != "" && (!expires.Valid() || expires < last):
		return store.ServerKey{}, "", fault.Field("body.expires_on", "date_past", bilingual.F("新密钥的有效期止应不早于旧密钥的最后一日 %s", "the new key must go on at least up to %s, the last day of the old one", last), bilingual.T("按 2026-12-31 的格式填写，可留空", "write it as 2026-12-31, or leave it out"))
	}
	var secret string
	k, err := write(ctx, a, by, func(tx *store.Tx) (store.ServerKey, error) {
		before, err := tx.ServerKey(id)
		if err != nil {
			return before, err
		}
		if !before.Live(a.Today()) {
			return before, deadKey(fault.Conflict, before, a.Today())
		}
		if before.ReplacedBy != "" {
			after, err := tx.ServerKey(before.ReplacedBy)
			if err != nil {
				return before, err
			}
			if after.RevokedAt == nil { // else what replaced it is lost, and it is replaced anew
				return before, fault.New(fault.Conflict, "wrong_state", bilingual.F("该密钥已由末四位 %s 的密钥替换", "the key is replaced already, by the one that ends with %s", after.Hint)).
					WithMend("请轮换新密钥；新密钥未保存的，先停用它再轮换", "rotate the new one; if its secret was not kept, revoke it first and rotate again")
			}
		}
		if before.ExpiresOn != "" {
			last = min(last, before.ExpiresOn)
		}
		next := store.ServerKey{Name: before.Name, Source: before.Source, CityCode: before.CityCode, ExpiresOn: expires, Lineage: before.Lineage, Replaces: before.ID}
		secret = newSecret(&next)
		return next, tx.ReplaceServerKey(before, &next, last)
	})
	return k, secret, err
}

// deadKey says why a key is not taken.
func deadKey(kind fault.Kind, k store.ServerKey, today civil.Day) error {
	if k.StateOn(today) == store.KeyRevoked {
		return fault.New(kind, "key_revoked", bilingual.F("密钥（末四位 %s）已停用", "the key that ends with %s is revoked", k.Hint)).
			WithMend("请向管理员申请新密钥", "ask an administrator for a new key")
	}
	return fault.New(kind, "key_expired", bilingual.F("密钥（末四位 %s）已于 %s 到期", "the key that ends with %s was taken up to %s", k.Hint, k.ExpiresOn)).
		WithMend("请改用已签发的新密钥，或向管理员申请", "use the key that replaced it, or ask an administrator for one")
}

// RevokeServerKey ends a key at once.
func (a *App) RevokeServerKey(ctx context.Context, by access.Actor, id string) (store.ServerKey, error) {
	return write(ctx, a, by, func(tx *store.Tx) (store.ServerKey, error) { return tx.RevokeServerKey(id) })
}

// AuthenticateKey returns the actor of a server key, with the source that it
// reports as. Anything but a live key is Unauthorized; who has the secret of a
// key that has ended is told that it has.
func (a *App) AuthenticateKey(ctx context.Context, secret, requestID string) (access.Actor, error) {
	if !strings.HasPrefix(secret, keyPrefix) {
		return access.Actor{}, store.Unauthorized()
	}
	k, err := a.DB.ServerKeyByHash(ctx, keyHash(secret))
	switch {
	case fault.Is(err, fault.NotFound):
		return access.Actor{}, fault.New(fault.Unauthorized, "key_unknown", bilingual.T("没有这个密钥", "there is no such key")).WithMend("请核对密钥是否完整", "check that the whole key is sent")
	case err != nil:
		return access.Actor{}, err
	case !k.Live(a.Today()):
		return access.Actor{}, deadKey(fault.Unauthorized, k, a.Today())
	}
	by := access.Actor{ID: k.ID, Name: k.Name, Role: access.Key, RequestID: requestID, Source: k.Source, City: k.CityCode, Sender: k.Lineage}
	if k.LastUsedAt == nil || a.DB.Now().Sub(*k.LastUsedAt) > time.Minute {
		err = a.DB.Write(ctx, by, func(tx *store.Tx) error { return tx.UseServerKey(k.ID) })
	}
	return by, err
}

// ReportSightings takes sightings of another system and returns how many were
// well-formed. A retired identity among them opens a case and holds the open
// payments of the yard that took it; who reports is told nothing of that, and
// what is not retired is forgotten at once.
func (a *App) ReportSightings(ctx context.Context, by access.Actor, source, city string, seen []Seen) (int, error) {
	var details []fault.Detail
	for i, s := range seen {
		at := fmt.Sprintf("body.items[%d].", i)
		if identifier.Normalize(s.Value) == "" {
			details = append(details, fault.Detail{Location: at + "value", Code: "required", Message: bilingual.T("缺少号码", "the number is missing"), Mend: bilingual.T("填写号牌、车架号、环保号码或船舶识别号", "give plate, frame number, environmental code or ship id")})
		}
		if strings.TrimSpace(s.Ref) == "" {
			details = append(details, fault.Detail{Location: at + "ref", Code: "required", Message: bilingual.T("缺少流水号", "the reference is missing"), Mend: bilingual.T("用对方系统中该记录的编号", "use its number in your own system")})
		}
		if s.At.IsZero() || s.At.After(a.DB.Now().Add(10*time.Minute)) {
			details = append(details, fault.Detail{Location: at + "seen_at", Code: "date_future", Message: bilingual.T("出现时间无效或晚于现在", "the instant is missing or after now"), Mend: bilingual.T("使用 RFC 3339 格式的时间", "use an instant in RFC 3339")})
		}
	}
	if len(details) > 0 {
		return 0, fault.Fields(details)
	}
	return write(ctx, a, by, func(tx *store.Tx) (int, error) {
		return len(seen), a.matchSightings(tx, source, city, seen)
	})
}

// formsOf returns the forms under which a number may be kept.
func formsOf(value string) []string {
	forms := []string{identifier.Normalize(value)}
	if p := identifier.Plate(value, "湘"); p.Status == identifier.OK {
		// A camera does not say of which kind a plate is: goods vehicles have
		// yellow or blue ones, those of new energy their own (GA 24.7).
		for _, kind := range []string{"01", "02", "51", "52"} {
			forms = append(forms, p.Value+"/"+kind)
		}
	}
	if bare := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, forms[0]); bare != forms[0] {
		forms = append(forms, bare)
	}
	return forms
}

// plain returns a kept number without the kind of plate behind it.
func plain(norm string) string {
	number, _, _ := strings.Cut(norm, "/")
	return number
}

// senderOf names who reported, so that a system's own numbers are its own,
// whichever of its keys it used.
func senderOf(by access.Actor) string {
	if by.Sender != "" {
		return by.Sender
	}
	return by.ID
}

func (a *App) matchSightings(tx *store.Tx, source, city string, seen []Seen) error {
	byForm := map[string][]Seen{}
	var norms []string
	for _, s := range seen {
		for _, form := range formsOf(s.Value) {
			byForm[form] = append(byForm[form], s)
			norms = append(norms, form)
		}
	}
	for chunk := range slices.Chunk(norms, 400) {
		gone, err := tx.LeftByIdentifier(chunk)
		if err != nil {
			return err
		}
		for _, g := range gone {
			for _, s := range byForm[g.Norm] {
				left := g.HandedInOn
				if left == "" {
					left = g.Deregistered
				}
				if civil.On(s.At) <= left { // on its way to the yard
					continue
				}
				note := s.At.In(civil.Shanghai).Format("2006-01-02 15:04")
				if place := strings.TrimSpace(s.Place); place != "" {
					note += " " + place
				}
				err := tx.See(RetiredSeen, g.AssetID, store.Sighting{Ref: source + " " + senderOf(tx.By) + " " + s.Ref, Source: source, CityCode: city, Field: g.Kind, Value: plain(g.Norm), Note: note})
				if err != nil {
					return err
				}
				if err := tx.HoldPayments(RetiredSeen, g.AssetID, g.YardID, g.RetirementID); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// AssignCase gives an open case to the actor, or to a reviewer by user name, or
// back to nobody.
func (a *App) AssignCase(ctx context.Context, by access.Actor, id string, version int64, username string, back bool) (store.Case, error) {
	return write(ctx, a, by, func(tx *store.Tx) (store.Case, error) {
		before, err := tx.Case(id)
		if err != nil {
			return before, err
		}
		if before.Version != version {
			return before, staleSince(version, before.Version)
		}
		if before.State != "open" {
			return before, fault.New(fault.Conflict, "wrong_state", bilingual.T("案件已办结", "the case is closed"))
		}
		to, name := by.ID, by.Name
		if back {
			to, name = "", ""
		} else if username != "" {
			u, err := tx.UserNamed(strings.ToLower(strings.TrimSpace(username)))
			if err != nil && !fault.Is(err, fault.NotFound) {
				return before, err
			}
			if err != nil || u.Disabled || !access.Permit(u.Role, "close-case") || !access.ScopeOf(u.ScopeCode).Covers(before.CityCode, before.DistrictCode) {
				return before, fault.Field("body.username", "unknown_value", bilingual.F("“%s”不能办理该案件", "%q cannot work on this case", username), bilingual.T("请选择本辖区的审核员", "name a reviewer of the area"))
			}
			to, name = u.ID, u.DisplayName
		}
		if err := tx.AssignCase(before, to, name); err != nil {
			return before, err
		}
		return tx.Case(id)
	})
}

// ReleaseHold gives the payments that a closed case holds free. Who closed the
// case does not.
func (a *App) ReleaseHold(ctx context.Context, by access.Actor, id string, version int64, reason string) (store.Case, error) {
	if reason = strings.TrimSpace(reason); reason == "" {
		return store.Case{}, fault.Field("body.reason", "required", bilingual.T("必须写明理由", "a reason is needed"), bilingual.T("写明解除冻结的依据", "say what it rests on"))
	}
	return write(ctx, a, by, func(tx *store.Tx) (store.Case, error) {
		before, err := tx.Case(id)
		if err != nil {
			return before, err
		}
		if before.Version != version {
			return before, staleSince(version, before.Version)
		}
		hold, held, err := tx.HoldOf(before)
		switch {
		case err != nil:
			return before, err
		case !held || hold.ClearedAt != nil:
			return before, fault.New(fault.Conflict, "wrong_state", bilingual.T("该案件没有冻结中的付款", "the case holds no payments"))
		case before.State != "closed":
			return before, fault.New(fault.Conflict, "case_open", bilingual.T("案件尚未办结", "the case is still open")).WithMend("先填写处理结果并办结", "close it with what came of it first")
		case before.ClosedBy == by.ID:
			return before, fault.New(fault.Denied, "four_eyes", bilingual.T("办结人不能解除冻结", "who closed the case cannot release what it holds")).WithMend("请由另一人处理", "ask somebody else")
		}
		if err := tx.ClearHold(before, reason); err != nil {
			return before, err
		}
		return tx.Case(id)
	})
}
