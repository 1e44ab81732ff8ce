// Command phaseout is the registry of old diesel trucks, non-road machines,
// farm machines and vessels: server, migrations, seeds, accounts, imports and
// integrity check in one program.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/alecthomas/kong"

	"phaseout/internal/bilingual"
	"phaseout/internal/config"
	"phaseout/internal/fault"
)

// version is set by the build.
var version = "dev"

// Exit codes: usage is for a command line that cannot be understood.
const (
	exitOK    = 0
	exitFail  = 1
	exitUsage = 2
)

type commandLine struct {
	config.Common
	Serve   serveCmd   `cmd:"" help:"Serve the API and the console."`
	Migrate migrateCmd `cmd:"" help:"Bring the database schema up to date."`
	Seed    seedCmd    `cmd:"" help:"Load reference data, with --demo also the demonstration."`
	User    userCmd    `cmd:"" help:"Add and list accounts."`
	Import  importCmd  `cmd:"" help:"Check a sheet and import its rows."`
	Keys    keysCmd    `cmd:"" help:"Replace the key under which accounts and people's numbers are sealed."`
	Backup  backupCmd  `cmd:"" help:"Make, verify, list and restore backups, also while the server runs."`
	Check   checkCmd   `cmd:"" help:"Verify audit chain, roll-ups, money and files; exits 1 on the first doubt."`
	Health  healthCmd  `cmd:"" help:"Ask a running server whether it is ready."`
	OpenAPI openAPICmd `cmd:"" name:"openapi" help:"Print the OpenAPI document."`
	Version versionCmd `cmd:"" help:"Print the version."`
}

// env is what a command works with besides its flags.
type env struct {
	ctx    context.Context
	in     io.Reader
	out    io.Writer
	errOut io.Writer
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// exited carries kong's wish to exit, for --help, out of its parser.
type exited struct{ code int }

// run is the program without the process around it.
func run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) (code int) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case exited:
			code = r.code
		default:
			panic(r)
		}
	}()
	var cli commandLine
	parser, err := kong.New(&cli, kong.Name("phaseout"), kong.UsageOnError(), kong.Writers(out, errOut), kong.Exit(func(code int) { panic(exited{code}) }),
		kong.Description("Registry of old vehicles, machines and vessels and of how each left service. 老旧车船机械淘汰登记系统"),
		kong.Configuration(config.File, "phaseout.yaml"))
	if err != nil {
		_, _ = fmt.Fprintln(errOut, "phaseout:", err)
		return exitUsage
	}
	kctx, err := parser.Parse(args)
	if err != nil {
		_, _ = fmt.Fprintf(errOut, "phaseout: %v\nRun \"phaseout --help\" for the commands and settings.\n", err)
		return exitUsage
	}
	if err := kctx.Run(&env{ctx, in, out, errOut}, &cli.Common); err != nil {
		printError(errOut, err)
		return exitFail
	}
	return exitOK
}

// printError says what went wrong and how to mend it.
func printError(w io.Writer, err error) {
	var f *fault.Fault
	if !errors.As(err, &f) {
		_, _ = fmt.Fprintln(w, "phaseout:", err)
		return
	}
	_, _ = fmt.Fprintf(w, "phaseout: %s\n", f.Message.In(bilingual.EN))
	for _, d := range f.Details {
		_, _ = fmt.Fprintf(w, "  %s: %s %s\n", filepath.Base(d.Location), d.Message.In(bilingual.EN), d.Mend.In(bilingual.EN))
	}
	if mend := f.Mend.In(bilingual.EN); mend != "" {
		_, _ = fmt.Fprintln(w, " ", mend)
	}
}

type versionCmd struct{}

// Run prints the version.
func (versionCmd) Run(e *env) error {
	_, err := fmt.Fprintln(e.out, "phaseout", version)
	return err
}
