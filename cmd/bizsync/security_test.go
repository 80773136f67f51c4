package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	// namedTest is a link to a test, by its package's folder.
	namedTest = regexp.MustCompile("\\[`((?:Test|Fuzz)\\w+)`\\]\\(([\\w./-]*)\\)")
	anyTest   = regexp.MustCompile(`\b(?:Test|Fuzz)[A-Z]\w+`)
	// namedPlace is a file or folder of ours.
	namedPlace = regexp.MustCompile("`((?:api|cmd|collab|deploy|migrations|store|web)/[\\w./-]+)`")
	namedFlag  = regexp.MustCompile("`--([a-z-]+)[^`]*`")
)

// SECURITY.md claims nothing that isn't there: each threat has a control in code and a test, and all that it names exists.
func TestSecurityIsShown(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(root(t), "SECURITY.md"))
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	links := namedTest.FindAllStringSubmatch(text, -1)
	if len(links) < 60 {
		t.Errorf("only %d tests are named", len(links))
	}
	if n := len(anyTest.FindAllString(text, -1)); n != len(links) {
		t.Errorf("%d tests are named, %d of them with their packages", n, len(links))
	}
	sources := map[string]string{}
	for _, link := range links {
		name, folder := link[1], link[2]
		if _, read := sources[folder]; !read {
			sources[folder] = testsIn(t, filepath.Join(root(t), folder))
		}
		if !strings.Contains(sources[folder], "\nfunc "+name+"(") {
			t.Errorf("%s has no %s", folder, name)
		}
	}
	for _, place := range namedPlace.FindAllStringSubmatch(text, -1) {
		if _, err := os.Stat(filepath.Join(root(t), place[1])); err != nil {
			t.Errorf("%s doesn't exist: %v", place[1], err)
		}
	}
	rows := 0
	for line := range strings.Lines(text) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| --- ") || strings.HasPrefix(line, "| What they try ") {
			continue
		}
		rows++
		if len(cells) != 3 || strings.TrimSpace(cells[1]) == "" || !namedTest.MatchString(cells[2]) {
			t.Errorf("no control, or no test: %s", line)
		}
	}
	if rows < 25 {
		t.Errorf("only %d threats", rows)
	}
	p, out := invocation([]string{"serve", "--help"}, nil)
	if _, err := parse(p); err != nil {
		t.Fatal(err)
	}
	for _, flag := range namedFlag.FindAllStringSubmatch(text, -1) {
		if flag[1] != "help" && !strings.Contains(out.String(), "--"+flag[1]+"=") && !strings.Contains(out.String(), "--"+flag[1]+" ") {
			t.Errorf("there is no --%s", flag[1])
		}
	}
}

// testsIn is the text of all test files of a folder.
func testsIn(t *testing.T, folder string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
	}
	return all.String()
}
