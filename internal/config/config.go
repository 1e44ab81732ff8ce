// Package config is the settings of the program: by flag, then environment,
// then file. It also holds the one place that reads the host's clock.
package config

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// Common is the settings of every command.
type Common struct {
	Config         kong.ConfigFlag `help:"YAML file with settings; flags and environment come first." env:"PHASEOUT_CONFIG" placeholder:"FILE"`
	Data           string          `help:"Folder of the embedded database, stored files and secrets." env:"PHASEOUT_DATA" default:"data" placeholder:"DIR"`
	Database       string          `help:"Database: empty for the embedded SQLite in the data folder, sqlite:FILE, or postgres://USER@HOST/NAME." env:"PHASEOUT_DATABASE" placeholder:"URL"`
	Clock          string          `help:"Instant (RFC 3339) from which the clock runs on, to try month ends and deadlines." env:"PHASEOUT_CLOCK" placeholder:"INSTANT"`
	JWTSecretFile  string          `name:"jwt-secret-file" help:"File with the secret of access tokens, 32 bytes or more; made in the data folder if not given." env:"PHASEOUT_JWT_SECRET_FILE" placeholder:"FILE"`
	PasswordPolicy string          `help:"Password rules: nist (length, no common words) or mlps (several kinds of signs)." env:"PHASEOUT_PASSWORD_POLICY" default:"nist" enum:"nist,mlps"`
	MaxUploadMiB   int64           `name:"max-upload-mib" help:"Size of the largest uploaded file in MiB." env:"PHASEOUT_MAX_UPLOAD_MIB" default:"32"`
	LogLevel       string          `help:"Least level that is logged: debug, info, warn or error." env:"PHASEOUT_LOG_LEVEL" default:"info" enum:"debug,info,warn,error"`
	LogFormat      string          `help:"Form of the log: text or json." env:"PHASEOUT_LOG_FORMAT" default:"text" enum:"text,json"`
}

// Check names the first setting that cannot be used and how to mend it.
func (c Common) Check() error {
	if c.Database != "" && !strings.HasPrefix(c.Database, "postgres://") && !strings.HasPrefix(c.Database, "postgresql://") && !strings.HasPrefix(c.Database, "sqlite:") {
		return fmt.Errorf("setting database (PHASEOUT_DATABASE): the value starts with neither postgres:// nor sqlite: ; leave it empty for the embedded database")
	}
	if c.MaxUploadMiB < 1 || c.MaxUploadMiB > 1024 {
		return fmt.Errorf("setting max-upload-mib (PHASEOUT_MAX_UPLOAD_MIB): %d is not between 1 and 1024", c.MaxUploadMiB)
	}
	_, _, err := Clock(c.Clock)
	return err
}

// DatabaseURL returns where the database is.
func (c Common) DatabaseURL() string {
	if c.Database != "" {
		return c.Database
	}
	return "sqlite:" + filepath.Join(c.Data, "phaseout.db")
}

// FilesDir returns the folder of stored files.
func (c Common) FilesDir() string { return filepath.Join(c.Data, "files") }

// SecretFile returns the file with the secret of access tokens.
func (c Common) SecretFile() string {
	if c.JWTSecretFile != "" {
		return c.JWTSecretFile
	}
	return filepath.Join(c.Data, "jwt.secret")
}

// Clock returns the clock that a setting asks for: the host's if it is empty,
// else one that starts at the given instant and runs on from there.
func Clock(setting string) (now func() time.Time, overridden bool, err error) {
	if setting == "" {
		return time.Now, false, nil
	}
	start, err := time.Parse(time.RFC3339, setting)
	if err != nil {
		return nil, false, fmt.Errorf("setting clock (PHASEOUT_CLOCK): %q is not an instant; write it as 2025-12-31T09:00:00+08:00", setting)
	}
	began := time.Now()
	return func() time.Time { return start.Add(time.Since(began)) }, true, nil
}

// Logger returns the log that the settings ask for.
func (c Common) Logger(w io.Writer) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		level = slog.LevelInfo
	}
	options := &slog.HandlerOptions{Level: level}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// EnvBeforeFile makes a settings file yield to the environment: kong asks a
// file before it looks at the environment.
func EnvBeforeFile(file kong.Resolver) kong.Resolver {
	return kong.ResolverFunc(func(ctx *kong.Context, parent *kong.Path, flag *kong.Flag) (any, error) {
		for _, name := range flag.Envs {
			if _, set := os.LookupEnv(name); set {
				return nil, nil
			}
		}
		return file.Resolve(ctx, parent, flag)
	})
}
