package config

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"phaseout/internal/auth"
)

// badSetting names a setting by its flag; its text never holds a secret.
type badSetting struct{ flag, problem string }

func (b badSetting) Error() string {
	env := "PHASEOUT_" + strings.ToUpper(strings.ReplaceAll(b.flag, "-", "_"))
	return fmt.Sprintf("setting %s (%s): %s", b.flag, env, b.problem)
}

func bad(flag, problem string, args ...any) error {
	return badSetting{flag, fmt.Sprintf(problem, args...)}
}

// Check names the first setting that cannot be used and how to mend it.
func (c Common) Check() error {
	if c.Database != "" && len(c.DatabaseFile) > 0 {
		return bad("database-file", "database (PHASEOUT_DATABASE) is given too; keep one of the two")
	}
	if url := c.DatabaseURL(); !slices.ContainsFunc([]string{"postgres://", "postgresql://", "sqlite:"}, func(p string) bool { return strings.HasPrefix(url, p) }) {
		flag := "database"
		if len(c.DatabaseFile) > 0 {
			flag = "database-file"
		}
		return bad(flag, "the value starts with neither postgres:// nor sqlite: ; leave it empty for the embedded database")
	}
	if _, err := auth.ParsePolicy(c.PasswordPolicy); err != nil && c.PasswordPolicy != "" {
		return bad("password-policy", "%v; write nist, mlps, or with a length nist:16", err)
	}
	if c.MaxUploadMiB < 1 || c.MaxUploadMiB > 1024 {
		return bad("max-upload-mib", "%d is not between 1 and 1024", c.MaxUploadMiB)
	}
	if err := oneOf("log-level", c.LogLevel, "", "debug", "info", "warn", "error"); err != nil {
		return err
	}
	if err := oneOf("log-format", c.LogFormat, "", "text", "json"); err != nil {
		return err
	}
	_, _, err := Clock(c.Clock)
	return err
}

func oneOf(flag, value string, values ...string) error {
	if slices.Contains(values, value) {
		return nil
	}
	return bad(flag, "%q is none of %s", value, strings.Join(values[1:], ", "))
}

// AfterApply is called by kong when every setting is known. It fails like Check
// and says where the bad setting comes from.
func (c *Common) AfterApply(ctx *kong.Context) error {
	err := c.Check()
	var b badSetting
	if errors.As(err, &b) {
		return fmt.Errorf("%w (from %s)", err, origin(ctx, b.flag))
	}
	return err
}

// origin says where a setting comes from, in the order in which they are asked.
func origin(ctx *kong.Context, name string) string {
	source := "its default"
	for _, p := range ctx.Path {
		if p.Flag == nil || p.Flag.Name != name {
			continue
		}
		if !p.Resolved {
			return "the command line"
		}
		source = "the settings file"
	}
	for _, f := range ctx.Flags() {
		if f.Name != name {
			continue
		}
		for _, env := range f.Envs {
			if _, set := os.LookupEnv(env); set {
				return "the environment, " + env
			}
		}
	}
	return source
}
