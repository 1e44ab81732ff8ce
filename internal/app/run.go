package app

import (
	"context"
	"encoding/json"

	"phaseout/internal/bilingual"
	"phaseout/internal/fault"
)

// RunProblem is why something that runs in the background failed as a whole.
type RunProblem = ImportProblem

// problemText is how the reason of a failure is kept on a run.
func problemText(f *fault.Fault) (string, error) {
	text, err := json.Marshal(RunProblem{f.Code, f.Message, f.Mend})
	return string(text), err
}

// ProblemOfRun reads what problemText wrote; nil for a run that did not fail.
func ProblemOfRun(text string) *RunProblem {
	var problem RunProblem
	if text == "" || json.Unmarshal([]byte(text), &problem) != nil {
		return nil
	}
	return &problem
}

// endedRun does the work of a run and leaves none under way: an error, or a
// panic, ends it as failed with what a person is told of it. A run that another
// worker has, or that a stop of the program interrupts, is left as it is. The
// error goes on to the log.
func (a *App) endedRun(ctx context.Context, id string, work func() error, fail func(problem string) error) error {
	failed := func(f *fault.Fault) error {
		problem, err := problemText(f)
		if err != nil {
			return err
		}
		return fail(problem)
	}
	defer func() {
		if p := recover(); p != nil {
			_ = failed(brokenRunFault(id)) // the panic says more than this could
			panic(p)
		}
	}()
	err := work()
	if err == nil || fault.Is(err, fault.Stale) || ctx.Err() != nil {
		if fault.Is(err, fault.Stale) {
			return nil
		}
		return err
	}
	f, isFault := fault.As(err)
	if !isFault {
		f = brokenRunFault(id)
	}
	if failing := failed(f); failing != nil {
		return failing
	}
	return err
}

func brokenRunFault(id string) *fault.Fault {
	return fault.New(fault.Unavailable, "run_broken", bilingual.F("运行中途出错，未完成（编号 %s）", "it broke off with an error (%s)", id)).
		WithMend("请重新运行；再次失败时，请管理员按编号查看服务器日志", "run it again; if it fails again, an administrator finds the cause in the server's log by the number")
}

func lostRunFault() *fault.Fault {
	return fault.New(fault.Unavailable, "run_lost", bilingual.T("服务器在运行中途重启，未完成", "the server was stopped in the middle of it")).
		WithMend("请重新运行", "run it again")
}
