package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	inText = regexp.MustCompile("`(Test[A-Za-z0-9_]+)`")
	inCode = regexp.MustCompile(`(?m)^func (Test[A-Za-z0-9_]+)\(`)
)

// What wamp.md says is shown by tests: each that it names has to be there.
func TestWampNamesTestsThatExist(t *testing.T) {
	text, err := os.ReadFile("wamp.md")
	if err != nil {
		t.Fatal(err)
	}
	there := tests(t, "..", "router", "test")
	named := inText.FindAllStringSubmatch(string(text), -1)
	if len(named) < 50 {
		t.Errorf("wamp.md names %d tests; has its form changed?", len(named))
	}
	for _, name := range named {
		if !there[name[1]] {
			t.Errorf("wamp.md names %s, and there is no such test in router/ or test/", name[1])
		}
	}
}

// tests are the test functions in folders.
func tests(t *testing.T, root string, folders ...string) map[string]bool {
	found := map[string]bool{}
	for _, folder := range folders {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && d.Name() == "node_modules":
				return filepath.SkipDir
			case !strings.HasSuffix(path, "_test.go"):
				return nil
			}
			content, err := os.ReadFile(path)
			for _, name := range inCode.FindAllSubmatch(content, -1) {
				found[string(name[1])] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}
