package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestMapIsHeldToTheTestsThatRan proves the checker: a missing row, a claim
// without a test, a test that failed, was skipped or never ran are each named.
func TestMapIsHeldToTheTestsThatRan(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "go.json", `{"Action":"pass","Package":"phaseout/internal/api","Test":"TestA"}
{"Action":"fail","Package":"phaseout/internal/api","Test":"TestB"}
{"Action":"skip","Package":"phaseout/internal/api","Test":"TestC"}
`)
	write(t, dir, "vitest.json", `{"testResults":[{"assertionResults":[{"status":"passed","fullName":"money prints"}]}]}`)
	colours := "\x1b[31m- wanted\x1b[39m \x00" // as node writes them
	write(t, dir, "e2e.xml", `<testsuites><testcase name="falls"><failure message="`+colours+`">`+colours+`</failure></testcase><testcase name="walks"/></testsuites>`)
	table := func(lines ...string) string {
		text := strings.Join(lines, "\n") + "\n"
		for i := len(lines) + 1; i <= rowCount; i++ {
			text += fmt.Sprintf("| F%d | x | planned |  |\n", i)
		}
		return text
	}
	good := table("| F1 | x | done | `api.TestA`<br>`console: money prints` |", "| F2 | x | first form | `browser: walks` |")
	if problems, claims, err := check(write(t, dir, "good.md", good), dir); err != nil || len(problems) != 0 || claims != 2 {
		t.Errorf("a good map: %v, %d, %v", problems, claims, err)
	}
	for name, c := range map[string]struct{ text, want string }{
		"failed":       {table("| F1 | x | done | `api.TestB` |"), "TestB"},
		"skipped":      {table("| F1 | x | done | `api.TestC` |"), "TestC"},
		"never ran":    {table("| F1 | x | done | `api.TestD` |"), "TestD"},
		"fell":         {table("| F1 | x | done | `browser: falls` |"), "falls"},
		"no test":      {table("| F1 | x | done |  |"), "F1 names no test"},
		"planned":      {table("| F1 | x | planned | `api.TestA` |"), "planned but"},
		"no such word": {table("| F1 | x | soon |  |"), "soon"},
		"missing":      {strings.Replace(good, "| F90 |", "| F9 |", 1), "F90 is missing"},
	} {
		problems, _, err := check(write(t, dir, "bad.md", c.text), dir)
		if err != nil || !strings.Contains(strings.Join(problems, "\n"), c.want) {
			t.Errorf("%s: got %v, %v, want %q", name, problems, err, c.want)
		}
	}
	if _, _, err := check(filepath.Join(dir, "good.md"), t.TempDir()); err == nil {
		t.Error("without results the map is taken")
	}
}
