package jobs

import (
	"context"
	"log/slog"
	"slices"

	"phaseout/internal/app"
	"phaseout/internal/bilingual"
)

// alarms puts what an administrator has to see to into the log, once when it
// begins.
type alarms struct {
	app   *app.App
	log   *slog.Logger
	known []string
}

func (a *alarms) look(ctx context.Context) {
	state, err := a.app.UpkeepState(ctx)
	if err != nil {
		if ctx.Err() == nil {
			a.log.Error("look for alarms", "error", err)
		}
		return
	}
	var codes []string
	for _, f := range state.Alarms {
		if codes = append(codes, f.Code); !slices.Contains(a.known, f.Code) {
			a.log.Error("alarm", "code", f.Code, "message", f.Message.In(bilingual.EN), "mend", f.Mend.In(bilingual.EN))
		}
	}
	a.known = codes
}
