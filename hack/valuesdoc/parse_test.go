package main

import (
	"reflect"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	have, err := parse("# About the file.\n\n# --- One\n\n# First,\n# and more.\na: 1\nb:\n  # Deep.\n  c: x\n  # Whole.\n  d:\n    e: [1]\n# --- Two\n# Last.\nf: {}\n")
	want := []section{
		{"One", []value{{"a", "1", "First, and more."}, {"b.c", `"x"`, "Deep."}, {"b.d", `{"e":[1]}`, "Whole."}}},
		{"Two", []value{{"f", "{}", "Last."}}},
	}
	if err != nil || !reflect.DeepEqual(have, want) {
		t.Errorf("%+v, %v", have, err)
	}
}

// No value can be added without a word about it.
func TestUndescribed(t *testing.T) {
	for says, text := range map[string]string{
		"line 2: a has no description":        "# --- One\na: 1\n",
		"line 3: a.b has no description":      "# --- One\na:\n  b: 1\n",
		"line 2: a is in no section":          "# A.\na: 1\n",
		"line 5: a.b is described, and so is": "# --- One\n# A.\na:\n  # B.\n  b: 1\n",
	} {
		if _, err := parse(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %q", text, err, says)
		}
	}
}
