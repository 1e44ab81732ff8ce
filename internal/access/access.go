// Package access decides who may do what where: roles, the area a user is
// bound to, and the one table of role and operation.
package access

import "strings"

// Role is what a user is there for.
type Role string

// The roles.
const (
	Clerk    Role = "clerk"    // registers, imports, logs retirements
	Reviewer Role = "reviewer" // verifies retirements
	Finance  Role = "finance"  // subsidies
	Province Role = "province" // roll-ups and targets
	Auditor  Role = "auditor"  // reads everything, changes nothing
	Admin    Role = "admin"    // accounts and configuration, no registry data
)

// Roles lists every role in the order in which they are shown.
var Roles = []Role{Clerk, Reviewer, Finance, Province, Auditor, Admin}

// Valid reports whether r is one of Roles.
func (r Role) Valid() bool {
	for _, known := range Roles {
		if r == known {
			return true
		}
	}
	return false
}

// ProvinceCode is the GB/T 2260 code of Hunan, the widest area.
const ProvinceCode = "430000"

// Scope is the area whose rows an actor sees, inherited downwards. The zero
// Scope sees nothing, so that a forgotten scope cannot widen a query.
type Scope struct{ code string }

// ScopeOf returns the scope of a GB/T 2260 code: province, city or district.
func ScopeOf(code string) Scope { return Scope{code: code} }

// Whole returns the scope of the whole province, for work that no user asked
// for: roll-up checks, start-up, jobs that then narrow it.
func Whole() Scope { return Scope{code: ProvinceCode} }

// Code returns the GB/T 2260 code, "" for the zero Scope.
func (s Scope) Code() string { return s.code }

// IsProvince reports whether the scope is the whole province.
func (s Scope) IsProvince() bool { return s.code == ProvinceCode }

// City returns the city that the scope is bound to, "" for the province.
func (s Scope) City() string {
	if s.IsProvince() || len(s.code) != 6 {
		return ""
	}
	return s.code[:4] + "00"
}

// District returns the district that the scope is bound to, or "".
func (s Scope) District() string {
	if len(s.code) != 6 || strings.HasSuffix(s.code, "00") {
		return ""
	}
	return s.code
}

// Covers reports whether a row of the city and district lies in the scope.
func (s Scope) Covers(city, district string) bool {
	switch {
	case s.code == "":
		return false
	case s.IsProvince():
		return true
	case s.District() != "":
		return district == s.code
	default:
		return city == s.code
	}
}

// Actor is who asks: a user with a role and an area, on one request.
type Actor struct {
	ID        string
	Name      string // display name, for the audit
	Role      Role
	Scope     Scope
	SessionID string
	RequestID string
}

// System returns the actor of work that the program does by itself, such as
// loading reference data.
func System(requestID string) Actor {
	return Actor{ID: "system", Name: "system", Role: "system", Scope: Whole(), RequestID: requestID}
}
