package demo

import (
	"strings"
	"testing"

	"github.com/wamp-operator/wamp-operator/test/app"
)

func turns(callees ...string) []app.Turn {
	var list []app.Turn
	for _, c := range callees {
		list = append(list, app.Turn{Router: "demo-1", Callee: c})
	}
	return list
}

// The demonstration must not call something a rotation that is none.
func TestCheckRotation(t *testing.T) {
	for name, tt := range map[string]struct {
		turns []app.Turn
		err   string
	}{
		"exact":           {turns("a", "b", "c", "a", "b", "c", "a"), ""},
		"one callee":      {turns("a", "a"), ""},
		"repeated":        {turns("a", "b", "c", "a", "a", "b"), "call 5, from demo-1, went to a; b was next"},
		"skipped":         {turns("a", "b", "c", "b"), "call 4, from demo-1, went to b; a was next"},
		"two rotations":   {turns("a", "a", "b", "b", "c", "c"), "call 3"},
		"late newcomer":   {turns("a", "b", "a", "c"), "call 4"},
		"nothing happens": {nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := CheckRotation(tt.turns)
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("got %v, want %q", err, tt.err)
			}
		})
	}
}

func TestProgressLosesTheClockOfOtherPrograms(t *testing.T) {
	var out strings.Builder
	s := NewScreen(&out)
	w := s.lines()
	for _, part := range []string{"[  1.2 s] etcd", " ready\ngo: downloading x v1\nplain [x]\n"} {
		if _, err := w.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
	}
	if want := indent + "etcd ready\n" + indent + "plain [x]\n"; out.String() != want {
		t.Errorf("printed %q, want %q", out.String(), want)
	}
}

func TestColumnsOfATable(t *testing.T) {
	table := "NAME   CALLEES   ACTIVE     READY   AGE\nany    3         all        True    4s\nonly             demo-0/6           4s\n"
	got := EmptyCells(table)
	if want := "only has no CALLEES, only has no READY"; strings.Join(got, ", ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
}
