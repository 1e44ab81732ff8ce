package backup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"strings"
)

// ErrNoTool is why a PostgreSQL database is neither dumped nor restored.
var ErrNoTool = errors.New("PostgreSQL's client tools are not installed")

// Dump writes the state of a PostgreSQL database that a transaction holds under
// a name into a new file, by pg_dump in its custom format.
func Dump(ctx context.Context, database, snapshot, path string) error {
	return tool(ctx, database, "pg_dump", "--format=custom", "--no-owner", "--no-privileges", "--snapshot="+snapshot, "--file="+path)
}

// ReadDump reads a dump to its end, without a database.
func ReadDump(ctx context.Context, path string) error {
	return tool(ctx, "", "pg_restore", "--file=/dev/null", path)
}

// LoadDump restores a dump into an empty PostgreSQL database: all of it or
// nothing.
func LoadDump(ctx context.Context, database, path string) error {
	return tool(ctx, database, "pg_restore", "--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction", path)
}

// tool runs a client tool on a database. The password goes by the environment:
// everybody on the host can read command lines.
func tool(ctx context.Context, database, name string, args ...string) error {
	program, err := exec.LookPath(name)
	if err != nil {
		return fmt.Errorf("backup: %s: %w", name, ErrNoTool)
	}
	env := os.Environ()
	if database != "" {
		u, err := url.Parse(database)
		if err != nil {
			return errors.New("backup: the database setting is no URL")
		}
		if password, given := u.User.Password(); given {
			env = append(env, "PGPASSWORD="+password)
			u.User = url.User(u.User.Username())
		}
		args = append([]string{"--dbname=" + u.String()}, args...)
	}
	command := exec.CommandContext(ctx, program, args...)
	var said bytes.Buffer
	command.Env, command.Stderr = env, &said
	if err := command.Run(); err != nil {
		return errors.Join(ctx.Err(), fmt.Errorf("backup: %s: %w: %s", name, err, strings.TrimSpace(said.String())))
	}
	return nil
}
