package config

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	kongyaml "github.com/alecthomas/kong-yaml"
)

func parse(t *testing.T, file string, args ...string) Common {
	t.Helper()
	var c Common
	options := []kong.Option{kong.Name("test")}
	if file != "" {
		resolver, err := kongyaml.Loader(strings.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		options = append(options, kong.Resolvers(EnvBeforeFile(resolver)))
	}
	p, err := kong.New(&c, options...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Parse(args); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestFlagBeforeEnvironmentBeforeFile proves F87's settings.
func TestFlagBeforeEnvironmentBeforeFile(t *testing.T) {
	if c := parse(t, ""); c.Data != "data" {
		t.Errorf("default %q", c.Data)
	}
	if c := parse(t, "data: from-file\n"); c.Data != "from-file" {
		t.Errorf("file: %q", c.Data)
	}
	t.Setenv("PHASEOUT_DATA", "from-env")
	if c := parse(t, "data: from-file\n"); c.Data != "from-env" {
		t.Errorf("environment: %q", c.Data)
	}
	if c := parse(t, "data: from-file\n", "--data", "from-flag"); c.Data != "from-flag" {
		t.Errorf("flag: %q", c.Data)
	}
}

// TestBadSettingsAreNamed proves F87: which setting, what is wrong, what would be right.
func TestBadSettingsAreNamed(t *testing.T) {
	for name, c := range map[string]struct {
		settings Common
		want     string
	}{
		"clock":    {Common{MaxUploadMiB: 1, Clock: "yesterday"}, "PHASEOUT_CLOCK"},
		"database": {Common{MaxUploadMiB: 1, Database: "mysql://x"}, "PHASEOUT_DATABASE"},
		"upload":   {Common{MaxUploadMiB: 0}, "PHASEOUT_MAX_UPLOAD_MIB"},
	} {
		if err := c.settings.Check(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := (Common{MaxUploadMiB: 32, Clock: "2025-12-31T09:00:00+08:00", Database: "postgres://x"}).Check(); err != nil {
		t.Error(err)
	}
}

// TestClockRunsOnFromWhereItIsSet proves F87: month ends can be tried from outside.
func TestClockRunsOnFromWhereItIsSet(t *testing.T) {
	now, overridden, err := Clock("2025-12-31T23:59:59+08:00")
	if err != nil || !overridden {
		t.Fatalf("%v, %v", overridden, err)
	}
	first := now()
	time.Sleep(2 * time.Millisecond)
	if second := now(); !second.After(first) || second.Sub(first) > time.Minute || first.Year() != 2025 {
		t.Errorf("the clock goes from %s to %s", first, second)
	}
}

// TestExampleFileNamesEverySetting keeps .env.example true.
func TestExampleFileNamesEverySetting(t *testing.T) {
	text, err := os.ReadFile("../../.env.example")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^#? ?(PHASEOUT_[A-Z_]+)=`).FindAllStringSubmatch(string(text), -1) {
		documented[m[1]] = true
	}
	for _, file := range []string{"config.go", "../../cmd/phaseout/serve.go", "../../cmd/phaseout/open.go"} {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`env:"(PHASEOUT_[A-Z_]+)"`).FindAllStringSubmatch(string(source), -1) {
			if !documented[m[1]] {
				t.Errorf(".env.example does not have %s", m[1])
			}
			documented[m[1]] = true
		}
	}
}
