package router_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/wamp-operator/wamp-operator/router"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// call calls a procedure of the meta API and gives the first result.
func call(t *testing.T, c *wamptest.Client, procedure string, args []any, kwargs map[string]any) any {
	t.Helper()
	m, err := c.CallWith(procedure, args, kwargs)
	if err != nil {
		t.Fatalf("%s %v: %v", procedure, args, err)
	}
	if len(m.Args) == 0 {
		return nil
	}
	return m.Args[0]
}

// ids makes what a list of ids looks like.
func ids(ids ...wamp.ID) []any {
	slices.Sort(ids)
	list := []any{}
	for _, id := range ids {
		list = append(list, int64(id))
	}
	return list
}

func same(a, b any) bool {
	x, ok := a.([]any)
	y, ok2 := b.([]any)
	return ok && ok2 && slices.Equal(x, y)
}

func TestSessionsAreTheSameEverywhere(t *testing.T) {
	everywhere(t, func(t *testing.T, dev *router.Dev) {
		clients := []*wamptest.Client{join(t, dev, 0), join(t, dev, 1), join(t, dev, 2)}
		want := ids(clients[0].ID, clients[1].ID, clients[2].ID)
		for _, c := range clients {
			eventually(t, "all sessions known", func() bool { return same(call(t, c, "wamp.session.list", nil, nil), want) })
			for procedure, x := range map[string]struct {
				filter []any
				count  int64
			}{
				"all": {nil, 3}, "role": {[]any{[]any{"anonymous"}}, 3}, "another": {[]any{[]any{"x"}}, 0}, "none": {[]any{[]any{}}, 0}, "null": {[]any{nil}, 3},
			} {
				if got := call(t, c, "wamp.session.count", x.filter, nil); got != x.count {
					t.Errorf("count, %s: %v", procedure, got)
				}
			}
			for _, other := range clients {
				d := call(t, c, "wamp.session.get", []any{uint64(other.ID)}, nil).(map[string]any)
				transport := d["transport"].(map[string]any)
				if d["session"] != int64(other.ID) || d["authid"] != other.Welcome["authid"] || d["authrole"] != "anonymous" || d["authmethod"] != "anonymous" ||
					transport["type"] != "rawsocket" || !strings.HasPrefix(transport["peer"].(string), "tcp:127.0.0.1:") {
					t.Errorf("details %v", d)
				}
			}
		}
		if _, err := clients[0].Call("wamp.session.get", 5); wamptest.URI(err) != wamp.ErrNoSuchSession {
			t.Errorf("get of nobody: %v", err)
		}
	})
}

// Each subscriber learns of each session once that it comes, and once that it goes.
func TestSessionEvents(t *testing.T) {
	everywhere(t, func(t *testing.T, dev *router.Dev) {
		var joins, leaves []<-chan *wamptest.Message
		for i := range 3 {
			c := join(t, dev, i)
			eventually(t, "it is known everywhere", func() bool {
				for j := range 3 {
					if _, err := join(t, dev, j).Call("wamp.session.get", uint64(c.ID)); err != nil {
						return false
					}
				}
				return true
			})
			joins, leaves = append(joins, c.Listen("wamp.session.on_join", nil)), append(leaves, c.Listen("wamp.session.on_leave", nil))
		}
		for i := range 3 {
			c := join(t, dev, i)
			authID := c.Welcome["authid"]
			for _, inbox := range joins {
				for {
					d := receive(t, inbox).Args[0].(map[string]any)
					if d["session"] != int64(c.ID) {
						continue // of those that came before
					}
					if d["authid"] != authID || d["authrole"] != "anonymous" || d["transport"] == nil {
						t.Errorf("on_join %v", d)
					}
					break
				}
			}
			c.Kill()
			for _, inbox := range leaves {
				for {
					args := receive(t, inbox).Args
					if args[0] != int64(c.ID) {
						continue
					}
					if !slices.Equal(args, []any{int64(c.ID), authID, "anonymous"}) {
						t.Errorf("on_leave %v", args)
					}
					break
				}
			}
		}
	})
}

func TestSessionKill(t *testing.T) {
	everywhere(t, func(t *testing.T, dev *router.Dev) {
		killer := join(t, dev, 0)
		for name, x := range map[string]struct {
			kwargs          map[string]any
			reason, message any
		}{
			"plain":        {nil, wamp.CloseKilled, nil},
			"with reasons": {map[string]any{"reason": "com.example.too.loud", "message": "be quiet"}, "com.example.too.loud", "be quiet"},
		} {
			for i := range 3 {
				victim := join(t, dev, i)
				eventually(t, "the victim known", func() bool {
					_, err := killer.CallWith("wamp.session.kill", []any{uint64(victim.ID)}, x.kwargs)
					return err == nil
				})
				end := victim.End()
				if end == nil || end.Type != wamp.Goodbye || end.URI != x.reason || wamptest.Details(end)["message"] != x.message {
					t.Errorf("%s: the session ended with %+v", name, end)
				}
			}
		}
		for name, x := range map[string]struct {
			procedure string
			args      []any
			kwargs    map[string]any
			want      string
		}{
			"oneself":        {"wamp.session.kill", []any{uint64(killer.ID)}, nil, wamp.ErrNoSuchSession},
			"nobody":         {"wamp.session.kill", []any{7}, nil, wamp.ErrNoSuchSession},
			"no id":          {"wamp.session.kill", []any{"x"}, nil, wamp.ErrInvalidArgument},
			"missing":        {"wamp.session.kill", nil, nil, wamp.ErrInvalidArgument},
			"bad reason":     {"wamp.session.kill", []any{7}, map[string]any{"reason": "a b"}, wamp.ErrInvalidURI},
			"empty reason":   {"wamp.session.kill_all", nil, map[string]any{"reason": ""}, wamp.ErrInvalidURI},
			"numeric reason": {"wamp.session.kill_by_authid", []any{"x"}, map[string]any{"reason": 1}, wamp.ErrInvalidURI},
			"bad message":    {"wamp.session.kill_by_authrole", []any{"x"}, map[string]any{"message": 1}, wamp.ErrInvalidArgument},
			"no authid":      {"wamp.session.kill_by_authid", nil, nil, wamp.ErrInvalidArgument},
			"no authrole":    {"wamp.session.kill_by_authrole", []any{1}, nil, wamp.ErrInvalidArgument},
			"filter":         {"wamp.session.count", []any{"anonymous"}, nil, wamp.ErrInvalidArgument},
			"filter inside":  {"wamp.session.list", []any{[]any{1}}, nil, wamp.ErrInvalidArgument},
			"unknown":        {"wamp.session.kiss", nil, nil, wamp.ErrNoSuchProcedure},
		} {
			if _, err := killer.CallWith(x.procedure, x.args, x.kwargs); wamptest.URI(err) != x.want {
				t.Errorf("%s: %v, want %s", name, err, x.want)
			}
		}
	})
}

// Those who kill many never kill themselves.
func TestSessionKillMany(t *testing.T) {
	everywhere(t, func(t *testing.T, dev *router.Dev) {
		killer := join(t, dev, 0)
		crowd := func() (all []*wamptest.Client) {
			for i := range 3 {
				all = append(all, join(t, dev, i))
			}
			eventually(t, "all are known", func() bool { return call(t, killer, "wamp.session.count", nil, nil) == int64(4) })
			return all
		}
		gone := func(all []*wamptest.Client) {
			t.Helper()
			for _, c := range all {
				if end := c.End(); end == nil || end.URI != "com.example.bye" {
					t.Errorf("the session ended with %+v", end)
				}
			}
			eventually(t, "all are gone", func() bool { return call(t, killer, "wamp.session.count", nil, nil) == int64(1) })
		}
		bye := map[string]any{"reason": "com.example.bye"}

		all := crowd()
		for _, c := range all {
			if got := call(t, killer, "wamp.session.kill_by_authid", []any{c.Welcome["authid"]}, bye); !same(got, ids(c.ID)) {
				t.Errorf("kill_by_authid: %v", got)
			}
		}
		gone(all)
		if got := call(t, killer, "wamp.session.kill_by_authid", []any{killer.Welcome["authid"]}, bye); !same(got, []any{}) {
			t.Errorf("kill_by_authid of oneself: %v", got)
		}

		all = crowd()
		if got := call(t, killer, "wamp.session.kill_by_authrole", []any{"anonymous"}, bye); got != int64(3) {
			t.Errorf("kill_by_authrole: %v", got)
		}
		gone(all)

		all = crowd()
		if got := call(t, killer, "wamp.session.kill_all", nil, bye); got != int64(3) {
			t.Errorf("kill_all: %v", got)
		}
		gone(all)
	})
}
