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
	Yard     Role = "yard"     // a recycler's own account: its intake and nothing else
)

// Key is the role of another system that reports with a server key. No user has it.
const Key Role = "key"

// Roles lists every role in the order in which they are shown.
var Roles = []Role{Clerk, Reviewer, Finance, Province, Auditor, Admin, Yard}

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
type Scope struct {
	code string
	yard string // id of the one yard whose intake is seen, of a yard's account
}

// ScopeOf returns the scope of a GB/T 2260 code: province, city or district.
func ScopeOf(code string) Scope { return Scope{code: code} }

// ScopeOfYard returns the scope of a yard's account. It covers no area: the
// only rows in it are the yard's own intake, which is asked for by that name.
func ScopeOfYard(city, yard string) Scope { return Scope{code: city, yard: yard} }

// Yard returns the yard that the scope is bound to, or "".
func (s Scope) Yard() string { return s.yard }

// Whole returns the scope of the whole province, for work that no user asked
// for: roll-up checks, start-up, jobs that then narrow it.
func Whole() Scope { return Scope{code: ProvinceCode} }

// Code returns the GB/T 2260 code, "" for the zero Scope.
func (s Scope) Code() string { return s.code }

// IsProvince reports whether the scope is the whole province.
func (s Scope) IsProvince() bool { return s.code == ProvinceCode && s.yard == "" }

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
	case s.code == "", s.yard != "":
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
	Source    string // of a server key: what the other system is
	City      string // of a server key: where it stands, "" for the whole province
	Sender    string // of a server key: the system, whichever of its keys it uses
}

// For returns a with another scope, for a deed that was found to be the
// actor's own before its rows are touched. The audit keeps who it was.
func (a Actor) For(scope Scope) Actor {
	a.Scope = scope
	return a
}

// System returns the actor of work that the program does by itself, such as
// loading reference data.
func System(requestID string) Actor {
	return Actor{ID: "system", Name: "system", Role: "system", Scope: Whole(), RequestID: requestID}
}
