package router_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/router"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

func TestRegistrationMetaProcedures(t *testing.T) {
	everywhere(t, func(t *testing.T, dev *router.Dev) {
		var callees []wamp.ID
		var first wamp.ID
		for i := range 3 {
			c := join(t, dev, i)
			id, err := c.Register("com.example.shared", map[string]any{"invoke": "roundrobin"}, nil)
			if err != nil {
				t.Fatal(err)
			}
			callees, first = append(callees, c.ID), id
		}
		owner := join(t, dev, 1)
		prefix, err := owner.Register("com.example.", byPrefix, nil)
		if err != nil {
			t.Fatal(err)
		}
		wildcard, err := owner.Register("com..shared", byWildcard, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := range dev.Routers {
			c := join(t, dev, i)
			list := call(t, c, "wamp.registration.list", nil, nil).(map[string]any)
			if !same(list["exact"], ids(first)) || !same(list["prefix"], ids(prefix)) || !same(list["wildcard"], ids(wildcard)) {
				t.Errorf("list %v", list)
			}
			for name, x := range map[string]struct {
				procedure string
				args      []any
				want      any
			}{
				"lookup":           {"lookup", []any{"com.example.shared"}, int64(first)},
				"lookup exact":     {"lookup", []any{"com.example.shared", map[string]any{"match": "exact"}}, int64(first)},
				"lookup prefix":    {"lookup", []any{"com.example.", byPrefix}, int64(prefix)},
				"lookup wildcard":  {"lookup", []any{"com..shared", byWildcard}, int64(wildcard)},
				"lookup nothing":   {"lookup", []any{"com.example.other"}, nil},
				"lookup no prefix": {"lookup", []any{"com.example.shared", byPrefix}, nil},
				"match exact":      {"match", []any{"com.example.shared"}, int64(first)},
				"match prefix":     {"match", []any{"com.example.other"}, int64(prefix)},
				"match wildcard":   {"match", []any{"com.other.shared"}, int64(wildcard)},
				"match nothing":    {"match", []any{"org.example"}, nil},
				"count":            {"count_callees", []any{uint64(first)}, int64(3)},
			} {
				m, err := c.CallWith("wamp.registration."+x.procedure, x.args, nil)
				if err != nil || len(m.Args) != 1 || m.Args[0] != x.want {
					t.Errorf("%s: %+v, %v, want %v", name, m, err, x.want)
				}
			}
			got := call(t, c, "wamp.registration.list_callees", []any{uint64(first)}, nil).([]any)
			for j, id := range callees { // in the order of the list
				if len(got) != 3 || got[j] != int64(id) {
					t.Errorf("list_callees %v, want %v", got, callees)
				}
			}
			d := call(t, c, "wamp.registration.get", []any{uint64(first)}, nil).(map[string]any)
			created, err := time.Parse(time.RFC3339, fmt.Sprint(d["created"]))
			if err != nil || time.Since(created).Abs() > time.Minute {
				t.Errorf("created %v", d["created"])
			}
			if d["id"] != int64(first) || d["uri"] != "com.example.shared" || d["match"] != "exact" || d["invoke"] != "roundrobin" {
				t.Errorf("details %v", d)
			}
			for procedure, args := range map[string][]any{"get": {5}, "list_callees": {5}, "count_callees": {5}, "remove_callee": {5, 5}} {
				if _, err := c.CallWith("wamp.registration."+procedure, args, nil); wamptest.URI(err) != wamp.ErrNoSuchRegistration {
					t.Errorf("%s: %v", procedure, err)
				}
			}
		}
	})
}

func TestRegistrationMetaArguments(t *testing.T) {
	c := join(t, start(t, 1), 0)
	for _, x := range []struct {
		procedure string
		args      []any
		want      string
	}{
		{"lookup", nil, wamp.ErrInvalidArgument},
		{"lookup", []any{1}, wamp.ErrInvalidArgument},
		{"lookup", []any{"com.x", 1}, wamp.ErrInvalidArgument},
		{"lookup", []any{"com.x", map[string]any{"match": "regex"}}, wamp.ErrInvalidArgument},
		{"lookup", []any{"com.x", map[string]any{"match": 1}}, wamp.ErrInvalidArgument},
		{"lookup", []any{"com..x"}, wamp.ErrInvalidURI},
		{"match", []any{"com..x"}, wamp.ErrInvalidURI},
		{"get", []any{-1}, wamp.ErrInvalidArgument},
		{"get", []any{"x"}, wamp.ErrInvalidArgument},
		{"get", []any{0}, wamp.ErrInvalidArgument},
	} {
		for _, of := range []string{"wamp.registration.", "wamp.subscription."} {
			if _, err := c.CallWith(of+x.procedure, x.args, nil); wamptest.URI(err) != x.want {
				t.Errorf("%s%s %v: %v, want %s", of, x.procedure, x.args, err, x.want)
			}
		}
	}
}

// told collects what a subscriber learns of a URI.
type told struct{ from chan string }

func watchMeta(t *testing.T, c *wamptest.Client, of, uri string) *told {
	t.Helper()
	w := &told{from: make(chan string, 1024)}
	details := map[wamp.ID]bool{}
	for _, what := range []string{"on_create", "on_register", "on_unregister", "on_subscribe", "on_unsubscribe", "on_delete"} {
		if _, err := c.Subscribe(of+what, func(m *wamptest.Message) {
			if d, ok := m.Args[1].(map[string]any); ok {
				if d["uri"] == uri {
					details[wamp.ID(d["id"].(int64))] = true
					w.from <- fmt.Sprint(what, " ", m.Args[0], " ", d["match"])
				}
			} else if details[wamp.ID(m.Args[1].(int64))] {
				w.from <- fmt.Sprint(what, " ", m.Args[0])
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func (w *told) expect(t *testing.T, want ...string) {
	t.Helper()
	for i := range want {
		select {
		case got := <-w.from:
			if got != want[i] {
				t.Errorf("was told %q, want %q", got, want[i])
			}
		case <-time.After(wamptest.Timeout):
			t.Fatalf("was not told %q", want[i])
		}
	}
	select {
	case got := <-w.from:
		t.Errorf("was told %q, too", got)
	default:
	}
}

// Each subscriber learns of each change once, in order, on whatever replica it happens.
func TestRegistrationEvents(t *testing.T) {
	everywhere(t, func(t *testing.T, dev *router.Dev) {
		var watchers []*told
		for i := range 3 {
			watchers = append(watchers, watchMeta(t, join(t, dev, i), "wamp.registration.", uri))
		}
		expect := func(want ...string) {
			t.Helper()
			for _, w := range watchers {
				w.expect(t, want...)
			}
		}
		a, b := join(t, dev, 0), join(t, dev, 1)
		shared := map[string]any{"invoke": "first"}
		id, err := a.Register(uri, shared, nil)
		if err != nil {
			t.Fatal(err)
		}
		expect(fmt.Sprint("on_create ", a.ID, " exact"), fmt.Sprint("on_register ", a.ID))
		if _, err := b.Register(uri, shared, nil); err != nil {
			t.Fatal(err)
		}
		expect(fmt.Sprint("on_register ", b.ID))
		if err := a.Unregister(id); err != nil {
			t.Fatal(err)
		}
		expect(fmt.Sprint("on_unregister ", a.ID))
		b.Kill()
		expect(fmt.Sprint("on_unregister ", b.ID), fmt.Sprint("on_delete ", b.ID))
	})
}

func TestRemoveCallee(t *testing.T) {
	everywhere(t, func(t *testing.T, dev *router.Dev) {
		admin, stays, goes := join(t, dev, 0), join(t, dev, 2), join(t, dev, 1)
		revoked := make(chan *wamptest.Message, 1)
		goes.On(wamp.Unregistered, func(m *wamptest.Message) { revoked <- m })
		var id wamp.ID
		for _, c := range []*wamptest.Client{goes, stays} {
			var err error
			if id, err = c.Register(uri, map[string]any{"invoke": "first"}, func(m *wamptest.Message) { c.Yield(m, uint64(c.ID)) }); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := admin.Call("wamp.registration.remove_callee", uint64(id), uint64(admin.ID)); wamptest.URI(err) != wamp.ErrNoSuchSession {
			t.Errorf("who is no callee: %v", err)
		}
		if _, err := admin.CallWith("wamp.registration.remove_callee", []any{uint64(id), uint64(goes.ID)}, map[string]any{"reason": "com.example.enough"}); err != nil {
			t.Fatal(err)
		}
		d := wamptest.Details(receive(t, revoked))
		if d["registration"] != int64(id) || d["reason"] != "com.example.enough" {
			t.Errorf("UNREGISTERED.Details %v", d)
		}
		if got := call(t, admin, uri, nil, nil); got != int64(stays.ID) {
			t.Errorf("the call went to %v", got)
		}
		if got := call(t, admin, "wamp.registration.list_callees", []any{uint64(id)}, nil); !slices.Equal(got.([]any), ids(stays.ID)) {
			t.Errorf("list_callees %v", got)
		}
	})
}
