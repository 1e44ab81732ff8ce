package access

// Operation is the name of one thing that can be asked over the API. It is the
// operationId of the OpenAPI document.
type Operation string

// Everyone of the administration may do an operation with these roles; everyone
// who is logged in, a yard's account too, with the others.
var (
	anyRole  = []Role{Clerk, Reviewer, Finance, Province, Auditor, Admin}
	everyone = Roles
)

// readers may see registry data of their area.
var readers = []Role{Clerk, Reviewer, Finance, Province, Auditor}

// Public operations need no log-in.
var public = map[Operation]bool{
	"check-certificate": true, "get-public-draw": true, "get-public-draw-list": true,
	"login": true, "refresh": true, "logout": true, "get-system": true, "list-public-notices": true, "get-public-notice": true, "get-public-label": true,
}

// keyed operations need a server key instead of a log-in: another system asks.
var keyed = map[Operation]bool{"report-sightings": true}

// Keyed reports whether an operation needs a server key.
func Keyed(op Operation) bool { return keyed[op] }

// rules is the one table of operation and role. An operation that is not in it
// stops the program at start (docs/adr/0006).
var rules = map[Operation][]Role{
	"get-system-state": {Province, Auditor, Admin}, "list-upkeep-runs": {Province, Auditor, Admin}, "start-upkeep": {Admin},

	"get-me": everyone, "change-password": everyone, "list-regions": everyone, "list-classes": everyone,

	"list-assets": readers, "get-asset": readers, "get-asset-history": readers, "list-asset-files": readers, "get-file": readers,
	"count-assets": readers, "export-assets": readers, "count-retirements": readers, "export-retirements": readers,
	"get-label": {Clerk, Reviewer}, "list-labels": {Clerk, Reviewer}, "find-label": readers,
	"list-views": readers, "create-view": readers, "update-view": readers, "delete-view": readers,
	"create-asset": {Clerk}, "update-asset": {Clerk}, "undo-asset-edit": {Clerk}, "attach-asset-file": {Clerk},

	"list-asset-engines": readers, "replace-engine": {Clerk},
	"list-owners": readers, "get-owner": readers, "get-owner-history": readers, "list-asset-owners": readers,
	"change-owner": {Clerk}, "update-owner": {Clerk}, "merge-owners": {Clerk},

	"create-retirement": {Clerk}, "update-retirement": {Clerk}, "attach-retirement-file": {Clerk},
	"list-retirements": readers, "get-retirement": readers, "verify-retirement": {Reviewer},
	"paste-retirements": {Clerk}, "log-retirement-step": {Clerk}, "withdraw-retirement": {Clerk}, "get-retirement-course": readers, "list-overdue-retirements": readers,
	"ask-retirement": {Clerk}, "list-retirement-requests": readers, "get-retirement-request": readers, "decide-retirement-request": {Reviewer},
	"list-retirement-limits": anyRole, "update-retirement-limit": {Province, Admin},
	"list-pre-checks": readers, "put-pre-check": {Clerk}, "check-declared-certificate": {Clerk, Reviewer},

	"check-asset": {Clerk}, "list-duplicates": {Clerk, Reviewer, Province, Auditor}, "get-duplicate": {Clerk, Reviewer, Province, Auditor},
	"decide-duplicate": {Clerk, Reviewer},
	"list-cases":       {Clerk, Reviewer, Province, Auditor}, "get-case": {Clerk, Reviewer, Province, Auditor}, "close-case": {Reviewer},
	"create-transfer": {Clerk}, "answer-transfer": {Clerk}, "withdraw-transfer": {Clerk},
	"list-transfers": {Clerk, Reviewer, Province, Auditor}, "get-transfer": {Clerk, Reviewer, Province, Auditor},

	"create-import": {Clerk}, "apply-import": {Clerk}, "cancel-import": {Clerk}, "undo-import": {Clerk}, "map-import": {Clerk},
	"list-import-mappings": {Clerk}, "drop-import-mapping": {Clerk}, "watch-import": {Clerk, Reviewer, Province, Auditor},
	"list-imports": {Clerk, Reviewer, Province, Auditor}, "get-import": {Clerk, Reviewer, Province, Auditor},
	"list-import-rows": {Clerk, Reviewer, Province, Auditor}, "list-import-findings": {Clerk, Reviewer, Province, Auditor},
	"get-import-findings-workbook": {Clerk, Reviewer, Province, Auditor}, "get-import-template": anyRole,

	"list-programs": {Clerk, Reviewer, Finance, Province, Auditor, Admin}, "get-program": {Clerk, Reviewer, Finance, Province, Auditor, Admin},
	"create-program": {Finance, Province, Admin}, "update-program": {Finance, Province}, "decide-program": {Finance, Province}, "check-program": {Finance, Province, Admin},
	"create-rule-run": {Finance, Province}, "list-rule-runs": {Finance, Province, Auditor}, "get-rule-run": {Finance, Province, Auditor}, "list-rule-run-lines": {Finance, Province, Auditor},
	"set-application-replacement": {Finance}, "try-program": {Clerk, Reviewer, Finance, Province, Auditor}, "list-subsidy-costs": {Finance, Province, Auditor}, "list-benefits": {Finance, Province, Auditor},
	"get-application-explanation": {Finance, Province, Auditor}, "get-eligibility-explanation": {Clerk, Reviewer, Finance, Province, Auditor},
	"get-program-text": {Clerk, Reviewer, Finance, Province, Auditor, Admin}, "get-rule-vocabulary": {Clerk, Reviewer, Finance, Province, Auditor, Admin},
	"get-eligibility": {Clerk, Reviewer, Finance, Province, Auditor},

	"list-applications": {Finance, Province, Auditor}, "get-application": {Finance, Province, Auditor},
	"create-application": {Clerk, Finance}, "update-application-payee": {Finance}, "submit-application": {Finance}, "check-application": {Finance},
	"decide-application": {Finance}, "withdraw-application": {Finance}, "retry-application": {Finance}, "reveal-application": {Finance}, "attach-application-file": {Finance},
	"get-program-flow": {Finance, Province, Auditor, Admin}, "update-program-flow": {Finance, Admin},
	"get-calendar": anyRole, "update-calendar": {Province, Admin},
	"list-signals": {Finance, Province, Auditor}, "get-signal": {Finance, Province, Auditor}, "decide-signal": {Finance}, "create-signal-run": {Finance}, "list-signal-runs": {Finance, Province, Auditor}, "get-signal-run": {Finance, Province, Auditor},
	"get-finance-home": {Finance, Province, Auditor},
	"list-notices":     {Finance, Province, Auditor}, "get-notice": {Finance, Province, Auditor}, "create-notice": {Finance}, "create-objection": {Finance},
	"list-objections": {Finance, Province, Auditor}, "get-objection": {Finance, Province, Auditor}, "resolve-objection": {Finance},
	"list-batches": {Finance, Province, Auditor}, "get-batch": {Finance, Province, Auditor}, "get-batch-workbook": {Finance, Auditor},
	"create-batch": {Finance}, "send-batch": {Finance}, "void-batch": {Finance}, "answer-batch": {Finance}, "list-batch-lines": {Finance, Province, Auditor},
	"get-batch-csv": {Finance, Auditor}, "get-approval-sheet": {Finance, Auditor}, "list-batch-answers": {Finance, Province, Auditor}, "get-bank-answer-file": {Finance, Auditor}, "list-return-reasons": {Finance, Province, Auditor},
	"list-unmatched": {Finance, Province, Auditor}, "explain-unmatched": {Finance}, "get-bank-day": {Finance, Province, Auditor}, "close-bank-day": {Finance},
	"get-funds": {Finance, Province, Auditor}, "list-funds-months": {Finance, Province, Auditor}, "get-funds-workbook": {Finance, Province, Auditor},
	"list-budget-lines": {Finance, Province, Auditor}, "get-budget-line": {Finance, Province, Auditor}, "create-budget-line": {Finance}, "propose-budget-change": {Finance},
	"list-budget-changes": {Finance, Province, Auditor}, "decide-budget-change": {Finance}, "list-ledger": {Finance, Province, Auditor}, "get-ledger-entry": {Finance, Province, Auditor},
	"list-recoveries": {Finance, Province, Auditor}, "get-recovery": {Finance, Province, Auditor}, "open-recovery": {Finance}, "book-receipt": {Finance}, "withdraw-recovery": {Finance},
	"get-funding-year": {Finance, Province, Auditor}, "propose-closing": {Finance}, "close-funding-year": {Finance},
	"list-bank-layouts": {Finance, Auditor}, "create-bank-layout": {Finance}, "update-bank-layout": {Finance},

	"list-targets": anyRole, "list-definitions": anyRole, "create-target": {Province, Admin}, "update-target": {Province, Admin},
	"get-progress": {Clerk, Reviewer, Finance, Province, Auditor, Admin}, "get-progress-workbook": {Clerk, Reviewer, Finance, Province, Auditor, Admin},

	"get-balance": {Clerk, Reviewer, Finance, Province, Auditor, Admin}, "get-progress-changes": {Clerk, Reviewer, Finance, Province, Auditor, Admin}, "list-progress-changes": readers,
	"get-progress-rows-workbook": readers, "get-changes-workbook": readers, "get-baseline-workbook": readers,
	"get-gap-workbook": {Clerk, Reviewer, Finance, Province, Auditor, Admin}, "get-balance-workbook": {Clerk, Reviewer, Finance, Province, Auditor, Admin},
	"list-plans": anyRole, "file-plan": {Reviewer, Province}, "create-definition": {Province, Admin}, "try-definition": {Province, Admin}, "decide-definition": {Province, Admin}, "list-definition-moves": readers,
	"list-baselines": anyRole, "freeze-baseline": {Reviewer, Province}, "get-baseline": anyRole, "list-baseline-rows": readers,
	"get-pace": {Clerk, Reviewer, Finance, Province, Auditor, Admin}, "get-overview-workbook": {Clerk, Reviewer, Finance, Province, Auditor, Admin},
	"get-emission": {Clerk, Reviewer, Finance, Province, Auditor, Admin}, "list-emission-rows": readers,
	"list-progress-rows": readers, "get-progress-gap": {Clerk, Reviewer, Finance, Province, Auditor, Admin},
	"list-milestones":  {Clerk, Reviewer, Finance, Province, Auditor, Admin},
	"list-factor-sets": anyRole, "get-factor-set": anyRole, "create-factor-set": {Province}, "update-factor-set": {Province}, "decide-factor-set": {Province},

	"list-cohort-rules": anyRole, "get-cohort-rule": anyRole, "list-cohort-moves": readers, "create-cohort-rule": {Province}, "decide-cohort-rule": {Province},

	"list-quality-rules": readers, "update-quality-rule": {Province, Admin}, "create-quality-rule": {Province, Admin}, "create-quality-run": {Clerk, Reviewer, Province}, "get-quality-run": readers,
	"list-quality-issues": readers, "decide-quality-issue": {Clerk, Reviewer}, "list-quality-scores": readers, "list-outliers": readers,
	"create-comparison": {Clerk}, "list-comparisons": {Clerk, Reviewer, Province, Auditor}, "get-comparison": {Clerk, Reviewer, Province, Auditor},
	"list-comparison-lines": {Clerk, Reviewer, Province, Auditor}, "decide-comparison-line": {Clerk, Reviewer},

	"list-retirement-photos": readers, "list-photo-flags": readers, "list-photo-matches": {Clerk, Reviewer, Province, Auditor}, "decide-photo-match": {Reviewer},
	"list-draws": {Province, Auditor}, "get-draw": {Province, Auditor}, "create-draw": {Province}, "carry-out-draw": {Province},
	"list-inspection-lines": {Reviewer, Province, Auditor}, "get-inspection-line": {Reviewer, Province, Auditor}, "record-inspection": {Reviewer}, "attach-inspection-photo": {Reviewer},
	"list-server-keys": {Admin}, "create-server-key": {Admin}, "revoke-server-key": {Admin}, "rotate-server-key": {Admin}, "paste-sightings": {Clerk, Reviewer, Province},
	"assign-case": {Reviewer, Province}, "release-case": {Reviewer, Province},
	"get-own-yard": {Yard}, "list-intake": {Yard}, "get-intake": {Yard}, "log-intake-step": {Yard}, "attach-intake-file": {Yard},
	"list-yards": append([]Role{Admin}, readers...), "get-yard": readers, "get-yard-report": readers, "get-yard-history": readers,
	"create-yard": {Reviewer, Province}, "update-yard": {Reviewer, Province}, "renew-yard": {Reviewer, Province},
	"block-yard": {Reviewer, Province}, "lift-yard-block": {Reviewer, Province},

	"list-history": {Clerk, Reviewer, Finance, Province, Auditor, Admin},

	"list-users": {Admin}, "create-user": {Admin}, "update-user": {Admin},
	"list-audit": {Auditor, Province},
}

// Known reports whether an operation has a rule.
func Known(op Operation) bool {
	_, ruled := rules[op]
	return ruled || public[op] || keyed[op]
}

// Public reports whether an operation needs no log-in.
func Public(op Operation) bool { return public[op] }

// Permit reports whether a role may do an operation. The area is not its
// business: rows outside it are not found.
func Permit(role Role, op Operation) bool {
	for _, r := range rules[op] {
		if r == role {
			return true
		}
	}
	return false
}

// Operations returns what a role may do, in no order.
func Operations(role Role) []Operation {
	var may []Operation
	for op := range rules {
		if Permit(role, op) {
			may = append(may, op)
		}
	}
	return may
}

// MayReveal reports whether an actor may see owners' numbers and telephones
// unmasked: a city's own staff, of their own area, never the province at large.
func MayReveal(by Actor) bool {
	switch by.Role {
	case Clerk, Reviewer, Finance:
		return by.Scope.City() != ""
	}
	return false
}
