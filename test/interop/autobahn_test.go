package interop

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// observation is a line that a script prints.
type observation struct {
	Name  string          `json:"name"`
	Value json.RawMessage `json:"value"`
}

// node runs a script of autobahn/ and returns what it observed, by name.
func node(t *testing.T, script string, args ...string) map[string]json.RawMessage {
	t.Helper()
	program, err := exec.LookPath("node")
	if err != nil {
		t.Fatal("node is not in PATH: install Node.js with npm (apt-get install nodejs npm), then run `make interop`")
	}
	if _, err := os.Stat("autobahn/node_modules/autobahn"); err != nil {
		t.Fatal("Autobahn|JS is not installed: run `make interop`, which installs it with npm")
	}
	cmd := exec.CommandContext(t.Context(), program, append([]string{script}, args...)...)
	cmd.Dir = "autobahn"
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s%s", script, err, out.String(), said.String())
	}
	seen := map[string]json.RawMessage{}
	for line := range strings.Lines(out.String()) {
		var o observation
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			t.Fatalf("%s printed %q: %v", script, line, err)
		}
		seen[o.Name] = o.Value
	}
	return seen
}

func answersOf(t *testing.T, seen map[string]json.RawMessage, name string) []string {
	t.Helper()
	var l []string
	if err := json.Unmarshal(seen[name], &l); err != nil || len(l) == 0 {
		t.Fatalf("%s: %s is no list of answers (%v)", name, seen[name], err)
	}
	return l
}

// The five registrations of the text on shared registrations work as written there, with callees
// and callers at different replicas.
func TestAutobahnSharedRegistrations(t *testing.T) {
	seen := node(t, "sharedregs.js", webSockets()...)

	t.Run("roundrobin", func(t *testing.T) {
		for i, callee := range answersOf(t, seen, "procedure1") {
			if want := []string{"callee0", "callee1", "callee2"}[i%3]; callee != want {
				t.Fatalf("call %d went to %s; %s was next", i+1, callee, want)
			}
		}
		answers := answersOf(t, seen, "roundrobin after a callee closed")
		for i, callee := range answers {
			if callee == answers[(i+1)%len(answers)] || callee == "callee0" {
				t.Fatalf("no rotation of callee1 and callee2: %v", answers)
			}
		}
	})
	t.Run("random", func(t *testing.T) {
		count := map[string]int{}
		for _, callee := range answersOf(t, seen, "procedure2") {
			count[callee]++
		}
		// 90 calls leave one of three callees out once in 10^15 runs.
		if got := slices.Sorted(maps.Keys(count)); !slices.Equal(got, []string{"callee0", "callee1", "callee2"}) {
			t.Errorf("90 random calls went to %v", count)
		}
	})
	t.Run("first, last and single", func(t *testing.T) {
		for name, want := range map[string]string{
			"procedure3": "callee0", "procedure4": "callee2", "procedure5": "callee0",
			"first after its callee closed": "callee1",
			"last after its callee closed":  "callee1",
			"last after a callee came":      "callee0 again",
			"first after a callee came":     "callee1",
			"after UNREGISTER":              "callee1",
		} {
			only(t, name, answersOf(t, seen, name), want)
		}
	})
	t.Run("refused", func(t *testing.T) {
		const (
			mismatch = "wamp.error.procedure_exists_with_different_invocation_policy"
			exists   = "wamp.error.procedure_already_exists"
		)
		for name, want := range map[string]string{
			"mismatch":                       mismatch,
			"mismatch with the default":      mismatch,
			"second single":                  exists,
			"second without invoke":          exists,
			"shared on single":               mismatch,
			"second of the default":          mismatch,
			"unknown policy":                 "wamp.error.invalid_argument",
			"single after its callee closed": "wamp.error.no_such_procedure",
		} {
			equal(t, seen, name, want)
		}
	})
}

func equal(t *testing.T, seen map[string]json.RawMessage, name string, want any) {
	t.Helper()
	var got any
	if err := json.Unmarshal(seen[name], &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%s: %s, want %v", name, seen[name], want)
	}
}

// Payloads and errors are the same for every pair of serializations.
func TestAutobahnCalls(t *testing.T) {
	serializations := []string{"json", "msgpack", "cbor"}
	seen := node(t, "rpc.js", append([]string{webSocket(0), webSocket(1)}, serializations...)...)
	for _, caller := range serializations {
		for _, callee := range serializations {
			for what, want := range map[string]any{
				"arguments": true, "keyword arguments": true, "200 kB": true, "nothing": nil, "20 calls at once": true,
				"error": map[string]any{
					"error": "com.myapp.error.broken", "args": []any{"it broke", 7.0}, "kwargs": map[string]any{"part": "spring"},
				},
				"exception":         "wamp.error.runtime_error",
				"no such procedure": "wamp.error.no_such_procedure",
			} {
				equal(t, seen, caller+" calls "+callee+": "+what, want)
			}
		}
	}
}

// Every subscriber gets every event once and in order, whatever replica and serialization.
func TestAutobahnEvents(t *testing.T) {
	seen := node(t, "pubsub.js", append(webSockets(), "json", "msgpack", "cbor")...)
	for _, subscriber := range slices.Sorted(maps.Keys(seen)) {
		switch subscriber {
		case "own events":
			equal(t, seen, subscriber, []any{"own/1"})
		case "events after UNSUBSCRIBE":
			equal(t, seen, subscriber, []any{})
		default:
			equal(t, seen, subscriber, "every event, in order")
		}
	}
	if len(seen) != 3*3+2 {
		t.Errorf("%d observations, want 11", len(seen))
	}
}
