package config

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// commandLine is as the program has it: the common settings embedded, some of a
// command's own.
type commandLine struct {
	Common
	Serve struct {
		Addr string `env:"PHASEOUT_ADDR" default:"127.0.0.1:8080"`
	} `cmd:""`
	Migrate struct{} `cmd:""`
}

func run(t *testing.T, file string, args ...string) (commandLine, error) {
	t.Helper()
	options := []kong.Option{kong.Name("test"), kong.Exit(func(int) { t.Fatal("exit") })}
	if file != "" {
		path := filepath.Join(t.TempDir(), "phaseout.yaml")
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		options = append(options, kong.Configuration(File, path))
	}
	var c commandLine
	p, err := kong.New(&c, options...)
	if err != nil {
		return c, err
	}
	_, err = p.Parse(args)
	return c, err
}

// TestEveryKindOfSettingKeepsTheOrder proves F87: flag, environment, file,
// default; for common settings and a command's own, for texts and numbers.
func TestEveryKindOfSettingKeepsTheOrder(t *testing.T) {
	file := "max-upload-mib: 5\nserve:\n  addr: file:1\n"
	check := func(mib int64, addr string, args ...string) {
		t.Helper()
		c, err := run(t, file, append([]string{"serve"}, args...)...)
		if err != nil || c.MaxUploadMiB != mib || c.Serve.Addr != addr {
			t.Errorf("got %d and %q, want %d and %q: %v", c.MaxUploadMiB, c.Serve.Addr, mib, addr, err)
		}
	}
	check(5, "file:1")
	t.Setenv("PHASEOUT_MAX_UPLOAD_MIB", "6")
	t.Setenv("PHASEOUT_ADDR", "env:1")
	check(6, "env:1")
	check(7, "flag:1", "--max-upload-mib=7", "--addr=flag:1")
	file = ""
	check(6, "env:1")
}

// TestBadSettingSaysWhereItComesFrom proves F87.
func TestBadSettingSaysWhereItComesFrom(t *testing.T) {
	expect := func(err error, words ...string) {
		t.Helper()
		for _, w := range words {
			if err == nil || !strings.Contains(err.Error(), w) {
				t.Errorf("got %v, want %q in it", err, w)
			}
		}
	}
	_, err := run(t, "", "migrate", "--log-level=loud")
	expect(err, "log-level", "PHASEOUT_LOG_LEVEL", `"loud"`, "debug, info, warn, error", "the command line")
	_, err = run(t, "log-format: xml\n", "migrate")
	expect(err, "log-format", "text, json", "the settings file")
	t.Setenv("PHASEOUT_PASSWORD_POLICY", "nist:3")
	_, err = run(t, "password-policy: mlps\n", "migrate")
	expect(err, "password-policy", "from 8 to 256", "the environment, PHASEOUT_PASSWORD_POLICY")
	if _, err = run(t, "", "migrate", "--password-policy=nist:16"); err != nil {
		t.Errorf("a flag over a bad environment: %v", err)
	}
	_, err = run(t, "", "migrate", "--password-policy=nist", "--database=mysql://u:secret@h")
	expect(err, "database", "postgres://")
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("the password is shown: %v", err)
	}
	_, err = run(t, "", "migrate", "--password-policy=nist", "--max-upload-mib=many")
	expect(err, "max-upload-mib", "many")
}

// TestUnknownKeyInTheFileIsNamed proves F87: a slip of the pen is not passed over.
func TestUnknownKeyInTheFileIsNamed(t *testing.T) {
	for file, good := range map[string]bool{
		"data: x\n": true, "log:\n  level: warn\n": true, "serve:\n  addr: x\n": true, "# remark: x\n": true, "serve-addr: x\n": true, "\"data\": x\n": true,
		"databse: x\n": false, "log_level: warn\n": false, "serv:\n  addr: x\n": false,
	} {
		if _, err := run(t, file, "migrate"); (err == nil) != good {
			t.Errorf("%q: %v", file, err)
		}
	}
	if _, err := run(t, "data: [\n", "migrate"); err == nil {
		t.Error("broken YAML is taken")
	}
}

// TestDatabaseMayComeFromAFile proves F87 for a setting with a password.
func TestDatabaseMayComeFromAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "url")
	if err := os.WriteFile(path, []byte("postgres://u:secret@h/d\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PHASEOUT_DATABASE_FILE", path)
	c, err := run(t, "", "migrate")
	if err != nil || c.DatabaseURL() != "postgres://u:secret@h/d" {
		t.Errorf("got %q, %v", c.DatabaseURL(), err)
	}
	if _, err := run(t, "", "migrate", "--database=sqlite:x"); err == nil || !strings.Contains(err.Error(), "keep one of the two") || strings.Contains(err.Error(), "secret") {
		t.Errorf("both: %v", err)
	}
	t.Setenv("PHASEOUT_DATABASE_FILE", path+".none")
	if _, err := run(t, "", "migrate"); err == nil || !strings.Contains(err.Error(), "PHASEOUT_DATABASE_FILE") {
		t.Errorf("no such file: %v", err)
	}
}

// TestExampleFileHasEveryDefault keeps the defaults in .env.example true.
func TestExampleFileHasEveryDefault(t *testing.T) {
	text, err := os.ReadFile("../../.env.example")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^# (PHASEOUT_[A-Z_]+)=(.*)$`).FindAllStringSubmatch(string(text), -1) {
		documented[m[1]] = m[2]
	}
	settings, err := Describe(&commandLine{})
	if err != nil || len(settings) < 10 {
		t.Fatalf("settings %v, %v", settings, err)
	}
	for _, s := range settings {
		value, known := documented[s.Env]
		if !known || (s.Default != "" && value != s.Default) {
			t.Errorf("%s (%s): .env.example has %q, the default is %q", s.Env, s.Flag, value, s.Default)
		}
	}
}
