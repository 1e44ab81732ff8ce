// Command features checks the feature map: every row is there, every row that
// claims something names tests, and every named test ran and passed in the
// last "make test".
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// rowCount is how many rows the map has: F1 to F90.
const rowCount = 90

func main() {
	mapFile := flag.String("map", "docs/features.md", "the feature map")
	results := flag.String("results", "build/results", "folder with go.json, vitest.json and e2e.xml")
	flag.Parse()
	problems, rows, err := check(*mapFile, *results)
	if err != nil {
		fmt.Fprintln(os.Stderr, "features:", err)
		os.Exit(1)
	}
	for _, p := range problems {
		fmt.Fprintln(os.Stderr, p)
	}
	if len(problems) > 0 {
		os.Exit(1)
	}
	fmt.Println("feature map:", rows, "rows claim something, and every test they name ran and passed")
}

// row is one line of the map.
type row struct {
	id, state string
	tests     []string
}

var rowForm = regexp.MustCompile(`^\| (F\d+) \| [^|]* \| ([^|]*) \| ([^|]*) \|`)

func readMap(r io.Reader) ([]row, error) {
	var rows []row
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		m := rowForm.FindStringSubmatch(lines.Text())
		if m == nil {
			continue
		}
		found := row{id: m[1], state: strings.TrimSpace(m[2])}
		for _, name := range strings.Split(m[3], "<br>") {
			if name = strings.Trim(strings.TrimSpace(name), "`"); name != "" {
				found.tests = append(found.tests, name)
			}
		}
		rows = append(rows, found)
	}
	return rows, lines.Err()
}

// check returns what is wrong with the map and how many rows claim something.
func check(mapFile, results string) (problems []string, claims int, err error) {
	f, err := os.Open(mapFile)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = f.Close() }()
	rows, err := readMap(f)
	if err != nil {
		return nil, 0, err
	}
	passed, err := readResults(results)
	if err != nil {
		return nil, 0, err
	}
	seen := map[string]bool{}
	for _, r := range rows {
		if seen[r.id] {
			problems = append(problems, r.id+" stands twice")
		}
		seen[r.id] = true
		switch r.state {
		case "planned":
			if len(r.tests) > 0 {
				problems = append(problems, r.id+" is planned but names tests")
			}
			continue
		case "first form", "done":
			claims++
		default:
			problems = append(problems, fmt.Sprintf("%s has state %q, not planned, first form or done", r.id, r.state))
			continue
		}
		if len(r.tests) == 0 {
			problems = append(problems, r.id+" names no test")
		}
		for _, name := range r.tests {
			if !passed[name] {
				problems = append(problems, fmt.Sprintf("%s: test %q did not run and pass in the last make test", r.id, name))
			}
		}
	}
	for i := 1; i <= rowCount; i++ {
		if id := fmt.Sprintf("F%d", i); !seen[id] {
			problems = append(problems, id+" is missing")
		}
	}
	return problems, claims, nil
}

// readResults returns the tests that passed, by the names that the map uses:
// "package.TestName", "console: title", "browser: title".
func readResults(dir string) (map[string]bool, error) {
	passed := map[string]bool{}
	for _, part := range []struct {
		file string
		read func(io.Reader, map[string]bool) error
	}{{"go.json", readGo}, {"vitest.json", readVitest}, {"e2e.xml", readJUnit}} {
		f, err := os.Open(filepath.Join(dir, part.file))
		if err != nil {
			return nil, fmt.Errorf("%w: run make test first", err)
		}
		err = part.read(f, passed)
		_ = f.Close()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", part.file, err)
		}
	}
	return passed, nil
}

func readGo(r io.Reader, passed map[string]bool) error {
	decoder := json.NewDecoder(r)
	for {
		var event struct{ Action, Package, Test string }
		if err := decoder.Decode(&event); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if event.Action == "pass" && event.Test != "" && !strings.Contains(event.Test, "/") {
			passed[event.Package[strings.LastIndexByte(event.Package, '/')+1:]+"."+event.Test] = true
		}
	}
}

func readVitest(r io.Reader, passed map[string]bool) error {
	var report struct {
		TestResults []struct {
			AssertionResults []struct{ Status, FullName string }
		}
	}
	if err := json.NewDecoder(r).Decode(&report); err != nil {
		return err
	}
	for _, file := range report.TestResults {
		for _, test := range file.AssertionResults {
			if test.Status == "passed" {
				passed["console: "+test.FullName] = true
			}
		}
	}
	return nil
}

// printable leaves out what XML has no place for: node writes the colours of a
// failure into its report as they are.
func printable(r rune) rune {
	if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff {
		return -1
	}
	return r
}

func readJUnit(r io.Reader, passed map[string]bool) error {
	type testCase struct {
		Name    string    `xml:"name,attr"`
		Failure *struct{} `xml:"failure"`
		Skipped *struct{} `xml:"skipped"`
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	decoder := xml.NewDecoder(bytes.NewReader(bytes.Map(printable, text)))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		element, ok := token.(xml.StartElement)
		if !ok || element.Name.Local != "testcase" {
			continue
		}
		var c testCase
		if err := decoder.DecodeElement(&c, &element); err != nil {
			return err
		}
		if c.Failure == nil && c.Skipped == nil {
			passed["browser: "+c.Name] = true
		}
	}
}
