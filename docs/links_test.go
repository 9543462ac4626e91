package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ +(.*)$`)
	dropped = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
)

// Every link of the pages to another page, and to a heading in it, leads there.
func TestLinksLeadSomewhere(t *testing.T) {
	pages, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range append(pages, "../README.md") {
		text := read(t, page)
		for _, l := range link.FindAllStringSubmatch(text, -1) {
			target, place, _ := strings.Cut(l[1], "#")
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			other := filepath.Join(filepath.Dir(page), target)
			if target == "" {
				other = page
			}
			if _, err := os.Stat(other); err != nil {
				t.Errorf("%s links to %s, which is not there", page, l[1])
				continue
			}
			if place != "" && !anchors(read(t, other))[place] {
				t.Errorf("%s links to %s, and there is no such heading", page, l[1])
			}
		}
	}
}

func read(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// anchors gives what the headings of a page are called in links.
func anchors(text string) map[string]bool {
	out := map[string]bool{}
	for _, h := range heading.FindAllStringSubmatch(text, -1) {
		out[strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(h[1]), ""), " ", "-")] = true
	}
	return out
}
