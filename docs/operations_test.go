package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var reasonConstant = regexp.MustCompile(`(?m)^\s*Reason[A-Za-z]+\s*=\s*"([A-Za-z]+)"`)

// operations.md says of every reason that a condition or an event can have what it means.
func TestOperationsExplainEveryReason(t *testing.T) {
	page := read(t, "operations.md")
	reasons := 0
	err := filepath.WalkDir("../controllers", func(path string, _ os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, reason := range reasonConstant.FindAllStringSubmatch(string(source), -1) {
			reasons++
			if !strings.Contains(page, "`"+reason[1]+"`") {
				t.Errorf("%s has the reason %s, which operations.md does not explain", path, reason[1])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if reasons < 30 {
		t.Errorf("%d reasons were found in controllers; has their form changed?", reasons)
	}
}
