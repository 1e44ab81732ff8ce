// Package config is the settings of the program: by flag, then environment,
// then file. It also holds the one place that reads the host's clock.
package config

import (
	"io"
	"log/slog"
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
	DatabaseFile   []byte          `help:"File that holds the database setting, for one with a password." env:"PHASEOUT_DATABASE_FILE" type:"filecontent" placeholder:"FILE"`
	Clock          string          `help:"Instant (RFC 3339) from which the clock runs on, to try month ends and deadlines." env:"PHASEOUT_CLOCK" placeholder:"INSTANT"`
	JWTSecretFile  string          `name:"jwt-secret-file" help:"File with the secret of access tokens, 32 bytes or more; made in the data folder if not given." env:"PHASEOUT_JWT_SECRET_FILE" placeholder:"FILE"`
	AccountKeyFile string          `help:"File with the key under which accounts and people's numbers are sealed, 32 bytes; made in the data folder if not given. Back it up apart from the database." env:"PHASEOUT_ACCOUNT_KEY_FILE" placeholder:"FILE"`
	PasswordPolicy string          `help:"Password rules: nist (length, no common words) or mlps (several kinds of signs), and the least length if it is to be another, as in nist:16." env:"PHASEOUT_PASSWORD_POLICY" default:"nist"`
	BackupDir      string          `help:"Folder of the backups; backups in the data folder if not given. Better on another disk." env:"PHASEOUT_BACKUP_DIR" placeholder:"DIR"`
	MaxUploadMiB   int64           `name:"max-upload-mib" help:"Size of the largest uploaded file in MiB." env:"PHASEOUT_MAX_UPLOAD_MIB" default:"256"`
	LogLevel       string          `help:"Least level that is logged: debug, info, warn or error." env:"PHASEOUT_LOG_LEVEL" default:"info"`
	LogFormat      string          `help:"Form of the log: text or json." env:"PHASEOUT_LOG_FORMAT" default:"text"`
}

// DatabaseURL returns where the database is. It may hold a password.
func (c Common) DatabaseURL() string {
	switch file := strings.TrimSpace(string(c.DatabaseFile)); {
	case file != "":
		return file
	case c.Database != "":
		return c.Database
	}
	return "sqlite:" + filepath.Join(c.Data, "phaseout.db")
}

// FilesDir returns the folder of stored files.
func (c Common) FilesDir() string { return filepath.Join(c.Data, "files") }

// BackupsDir returns the folder of the backups.
func (c Common) BackupsDir() string {
	if c.BackupDir != "" {
		return c.BackupDir
	}
	return filepath.Join(c.Data, "backups")
}

// SecretFile returns the file with the secret of access tokens.
func (c Common) SecretFile() string {
	if c.JWTSecretFile != "" {
		return c.JWTSecretFile
	}
	return filepath.Join(c.Data, "jwt.secret")
}

// KeyFile returns the file with the key of sealed numbers. One beside it that
// ends in .old holds the key before it.
func (c Common) KeyFile() string {
	if c.AccountKeyFile != "" {
		return c.AccountKeyFile
	}
	return filepath.Join(c.Data, "account.key")
}

// Clock returns the clock that a setting asks for: the host's if it is empty,
// else one that starts at the given instant and runs on from there.
func Clock(setting string) (now func() time.Time, overridden bool, err error) {
	if setting == "" {
		return time.Now, false, nil
	}
	start, err := time.Parse(time.RFC3339, setting)
	if err != nil {
		return nil, false, bad("clock", "%q is not an instant; write it as 2025-12-31T09:00:00+08:00", setting)
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
