package wamp

import (
	"strings"
	"testing"
)

func TestURIs(t *testing.T) {
	type verdict struct{ loose, strict, prefix, wildcard bool }
	for uri, want := range map[string]verdict{
		"com.example.add":    {true, true, true, true},
		"realm1":             {true, true, true, true},
		"a.b_2.c3":           {true, true, true, true},
		"com.Example.add":    {true, false, true, true},
		"com.exämple":        {true, false, true, true},
		"com.my-app.x":       {true, false, true, true},
		"":                   {false, false, false, false},
		".":                  {false, false, false, true},
		"..":                 {false, false, false, true},
		"com..add":           {false, false, false, true},
		".com":               {false, false, false, true},
		"com.":               {false, false, true, true},
		"com.#.add":          {false, false, false, false},
		"com.example add":    {false, false, false, false},
		"com.example\u2003x": {false, false, false, false},
		"com.\xff":           {false, false, false, false},
		"com.\ufffd":         {true, false, true, true},
		"com.tab\t":          {false, false, false, false},
		"wamp.session.count": {true, true, true, true},
	} {
		got := verdict{
			ValidURI(uri, false) == nil, ValidURI(uri, true) == nil,
			ValidPattern(uri, Prefix, false) == nil, ValidPattern(uri, Wildcard, false) == nil,
		}
		if got != want {
			t.Errorf("%q: %+v, want %+v", uri, got, want)
		}
	}
	err := ValidURI("com."+strings.Repeat("x", 10_000)+" ", false)
	if err == nil || len(err.Error()) > 100 || !strings.Contains(err.Error(), "white space") {
		t.Errorf("the error for a long URI is %v", err)
	}
}

func TestMatchNames(t *testing.T) {
	for _, m := range []Match{Exact, Prefix, Wildcard} {
		if got, err := ParseMatch(m.String()); got != m || err != nil {
			t.Errorf("%s is parsed as %v, %v", m, got, err)
		}
	}
	if m, err := ParseMatch(""); m != Exact || err != nil {
		t.Error("no match option is not exact")
	}
	if _, err := ParseMatch("regex"); err == nil {
		t.Error("regex is a match")
	}
}

// Ids are within the bounds of the WAMP text, and large ones do occur.
func TestIDs(t *testing.T) {
	var large bool
	for range 1000 {
		id := RandomID()
		if id < 1 || id > MaxID {
			t.Fatalf("id %d", id)
		}
		large = large || id > MaxID/2
	}
	if !large {
		t.Error("no id of a thousand is in the upper half")
	}
	var s Sequence
	if a, b := s.Next(), s.Next(); a != 1 || b != 2 {
		t.Errorf("the sequence begins %d, %d", a, b)
	}
	s.last.Store(uint64(MaxID) - 1)
	if a, b := s.Next(), s.Next(); a != MaxID || b != 1 {
		t.Errorf("the sequence ends %d and goes on with %d", a, b)
	}
}
