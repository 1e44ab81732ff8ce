package api

import (
	"context"
	"net/http"
	"time"

	"phaseout/internal/store"
)

// UpkeepRun is one backup, one trial of restoring the newest, or one check of
// the whole database.
type UpkeepRun struct {
	ID        string      `json:"id"`
	Kind      string      `json:"kind" enum:"backup,drill,check"`
	State     string      `json:"state" enum:"waiting,running,done,failed"`
	Percent   int64       `json:"percent"`
	Place     string      `json:"place,omitempty" doc:"Folder of the backup on the server."`
	Bytes     int64       `json:"bytes,omitempty" doc:"Of all its parts."`
	AuditMark string      `json:"audit_mark,omitempty" doc:"Where the audit ended in what was backed up, restored or checked."`
	Problem   *RunProblem `json:"problem,omitempty" doc:"Why it failed."`
	CreatedBy Person      `json:"created_by"`
	CreatedAt time.Time   `json:"created_at"`
	EndedAt   *time.Time  `json:"ended_at,omitempty"`
}

// UpkeepKind is what is known of one kind of upkeep.
type UpkeepKind struct {
	Last     *UpkeepRun `json:"last,omitempty" doc:"The last that has ended, well or not."`
	Good     *UpkeepRun `json:"good,omitempty" doc:"The last that ended well."`
	UnderWay *UpkeepRun `json:"under_way,omitempty"`
}

// SystemState is how the system itself is.
type SystemState struct {
	Alarms       []RunProblem `json:"alarms" doc:"What an administrator has to see to; empty if nothing."`
	Backup       UpkeepKind   `json:"backup"`
	Drill        UpkeepKind   `json:"drill" doc:"Trials of restoring the newest backup."`
	Check        UpkeepKind   `json:"check" doc:"Checks of the whole database: structure, audit chain, roll-ups, money, files."`
	Scheduled    bool         `json:"scheduled" doc:"Whether these are done by the clock."`
	NextBackupAt *time.Time   `json:"next_backup_at,omitempty"`
	Keep         int          `json:"keep" doc:"How many backups stay."`
	BackupDir    string       `json:"backup_dir"`
	Version      string       `json:"version"`
	Engine       string       `json:"engine" enum:"sqlite,postgres"`
	Schema       int64        `json:"schema"`
	SchemaWanted int64        `json:"schema_wanted" doc:"Of this program; another than schema: run \"phaseout migrate\"."`
	Bytes        int64        `json:"bytes" doc:"Of the database."`
	AuditMark    string       `json:"audit_mark" doc:"Number and hash of the last audit event, now."`
	DataDisk     Disk         `json:"data_disk" doc:"Where the stored files lie."`
	BackupDisk   Disk         `json:"backup_disk"`
	Waiting      int64        `json:"jobs_waiting"`
	Running      int64        `json:"jobs_running"`
}

// Disk is how full a disk is, in bytes; zero if it cannot be told.
type Disk struct {
	Free  int64 `json:"free"`
	Total int64 `json:"total"`
}

func (s *Server) upkeepRoutes() {
	route(s, operation("get-system-state", http.MethodGet, "/system/state", "system", "Backups, restore drills, checks, disks and jobs, with what is to be seen to"), s.systemState)
	route(s, operation("list-upkeep-runs", http.MethodGet, "/system/runs", "system", "Backups, restore drills and checks, newest first"), s.upkeepRuns)
	start := operation("start-upkeep", http.MethodPost, "/system/runs", "system", "Make a backup, try a restore or check everything now; one under way serves whoever asks meanwhile")
	start.DefaultStatus = http.StatusAccepted
	route(s, start, s.startUpkeep)
}

func upkeepView(ctx context.Context, r store.UpkeepRun) UpkeepRun {
	v := UpkeepRun{ID: r.ID, Kind: r.Kind, State: r.State, Percent: r.Percent(), Place: r.Place, Bytes: r.Bytes, Problem: runProblem(ctx, r.Problem),
		CreatedBy: Person{r.CreatedBy, r.CreatedByName}, CreatedAt: r.CreatedAt, EndedAt: r.EndedAt}
	if r.AuditSeq > 0 {
		v.AuditMark = r.Mark()
	}
	return v
}

func upkeepKindView(ctx context.Context, h store.UpkeepHistory) UpkeepKind {
	view := func(r *store.UpkeepRun) *UpkeepRun {
		if r == nil {
			return nil
		}
		v := upkeepView(ctx, *r)
		return &v
	}
	return UpkeepKind{view(h.Last), view(h.Good), view(h.UnderWay)}
}

func (s *Server) systemState(ctx context.Context, _ *struct{}) (*struct{ Body SystemState }, error) {
	n, err := s.app.System(ctx)
	if err != nil {
		return nil, err
	}
	v := SystemState{Alarms: []RunProblem{}, Backup: upkeepKindView(ctx, n.Backup), Drill: upkeepKindView(ctx, n.Drill), Check: upkeepKindView(ctx, n.Check),
		Scheduled: s.app.Upkeep.Scheduled, Keep: s.app.Upkeep.Keep, BackupDir: s.app.Upkeep.Dir, Version: s.Version, Engine: string(s.db.Engine()),
		Schema: n.Schema, SchemaWanted: n.SchemaWanted, Bytes: n.Bytes, AuditMark: n.Audit.String(),
		DataDisk: Disk{n.DataFree, n.DataTotal}, BackupDisk: Disk{n.KeptFree, n.KeptTotal}, Waiting: n.Waiting, Running: n.Running}
	for _, a := range n.Alarms {
		v.Alarms = append(v.Alarms, RunProblem{a.Code, a.Message.In(lang(ctx)), a.Mend.In(lang(ctx))})
	}
	if next, scheduled := s.app.NextBackup(); scheduled {
		v.NextBackupAt = &next
	}
	return &struct{ Body SystemState }{v}, nil
}

func (s *Server) upkeepRuns(ctx context.Context, in *Paging) (*listOut[UpkeepRun], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	runs, err := s.db.UpkeepRuns(ctx, page)
	return listOf(runs, in.Limit, func(r store.UpkeepRun) string { return r.ID }, func(r store.UpkeepRun) UpkeepRun { return upkeepView(ctx, r) }), err
}

func (s *Server) startUpkeep(ctx context.Context, in *struct {
	Body struct {
		Kind string `json:"kind" enum:"backup,drill,check"`
	}
}) (*struct{ Body UpkeepRun }, error) {
	r, err := s.app.StartUpkeep(ctx, actor(ctx), in.Body.Kind)
	return &struct{ Body UpkeepRun }{upkeepView(ctx, r)}, err
}
