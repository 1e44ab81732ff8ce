package api

import (
	"context"
	"net/http"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
	"phaseout/internal/store"
)

// readOf says which operation lets a role read a kind of record, and so its
// history. Assets, owners and yards have histories of their own.
var readOf = map[string]access.Operation{
	"retirement": "get-retirement", "application": "get-application", "batch": "get-batch", "program": "get-program", "case": "get-case",
	"notice": "get-notice", "inspection_draw": "get-draw", "inspection_line": "get-inspection-line", "target": "list-targets", "definition": "list-definitions",
	"recovery": "get-recovery", "budget_line": "get-budget-line", "factor_set": "get-factor-set", "cohort_rule": "get-cohort-rule", "import": "get-import",
	"transfer": "list-transfers", "city_plan": "list-targets", "baseline": "list-targets",
}

func (s *Server) historyRoutes() {
	route(s, operation("list-history", http.MethodGet, "/history", "audit", "What was changed about one record, newest first; of one's own area"), s.listHistory)
}

func (s *Server) listHistory(ctx context.Context, in *struct {
	Paging
	Entity string `query:"entity" required:"true" enum:"retirement,application,batch,program,case,notice,inspection_draw,inspection_line,target,definition,recovery,budget_line,factor_set,cohort_rule,import,transfer,city_plan,baseline" doc:"Kind of record."`
	ID     string `query:"id" required:"true" maxLength:"40"`
}) (*listOut[HistoryEvent], error) {
	if !access.Permit(actor(ctx).Role, readOf[in.Entity]) {
		return nil, fault.New(fault.Denied, "role", bilingual.T("当前角色不能查看这类记录", "your role may not read this kind of record")).
			WithMend("请使用有权限的账号", "use an account that may")
	}
	return s.events(ctx, in.Paging, store.EventFilter{Entity: in.Entity, EntityID: in.ID}, registry.Class(""))
}
