package e2e

import (
	"os"
	"strings"
	"testing"
)

const (
	tableBegins = "<!-- The budgets of test/e2e/budgets.go. -->\n"
	tableEnds   = "<!-- End of the budgets. -->\n"
)

// What the documentation promises is what the end-to-end test demands.
func TestOperationsQuotesTheBudgets(t *testing.T) {
	const file = "../../docs/operations.md"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, begins := strings.Cut(string(text), tableBegins)
	table, _, ends := strings.Cut(rest, tableEnds)
	if !begins || !ends {
		t.Fatalf("%s has no table between the lines\n%s%s", file, tableBegins, tableEnds)
	}
	if table != Table() {
		t.Errorf("%s does not have the budgets as they are; put this between the two lines:\n%s", file, Table())
	}
}

// A budget without a scenario would promise what nobody measures.
func TestBudgetsHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for _, b := range Budgets {
		if b.Name == "" || b.Unit == "" || b.Sentence == "" || seen[b.Name] {
			t.Errorf("%+v is not complete, or there twice", b)
		}
		seen[b.Name] = true
	}
}
