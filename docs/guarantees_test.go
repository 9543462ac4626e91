package docs

import (
	"os"
	"testing"
)

// What guarantees.md promises is shown by tests: each that it names has to be there.
func TestGuaranteesNameTestsThatExist(t *testing.T) {
	text, err := os.ReadFile("guarantees.md")
	if err != nil {
		t.Fatal(err)
	}
	there := tests(t, "..", "router", "test")
	named := inText.FindAllStringSubmatch(string(text), -1)
	if len(named) < 10 {
		t.Errorf("guarantees.md names %d tests; has its form changed?", len(named))
	}
	for _, name := range named {
		if !there[name[1]] {
			t.Errorf("guarantees.md names %s, and there is no such test in router/ or test/", name[1])
		}
	}
}
