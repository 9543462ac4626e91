package interop

import (
	"slices"
	"time"
)

var metaScenarios = []scenario{
	{"sessions are counted and listed", func(r *run) {
		far, near := r.far(), r.near()
		ids, _ := near.ask("wamp.session.list").([]any)
		for _, s := range []*session{far, near} {
			if !slices.Contains(ids, any(s.wampID())) {
				r.Errorf("wamp.session.list does not name session %v", s.wampID())
			}
		}
		if count, _ := near.ask("wamp.session.count").(float64); count < 2 {
			r.Errorf("wamp.session.count is %v", count)
		}
		same(r.T, "sessions of a role that nobody has", near.ask("wamp.session.count", list{"nobody"}), 0)
		got, _ := near.ask("wamp.session.get", far.wampID()).(map[string]any)
		same(r.T, "session", got["session"], far.wampID())
		same(r.T, "authrole", got["authrole"], "anonymous")
		near.refused("wamp.error.no_such_session", "wamp.session.get", 1.0)
	}},
	{"a session is killed", func(r *run) {
		far, near := r.far(), r.near()
		near.call("wamp.session.kill", list{far.wampID()}, dict{"reason": "com.myapp.error.enough", "message": "enough"}, nil)
		if why := far.closed(); why != "com.myapp.error.enough" && r.library.tellsReason {
			r.Errorf("the session was closed with %q", why)
		}
		for end := time.Now().Add(patience); near.begin("wamp.session.get", list{far.wampID()}, nil, nil).end().Kind == "done"; {
			if time.Now().After(end) {
				r.Fatal("a session that was killed is still there")
			}
		}
		near.refused("wamp.error.no_such_session", "wamp.session.kill", near.wampID())
	}},
	{"on_join and on_leave", func(r *run) {
		far := r.far()
		joins, leaves := far.subscribe("wamp.session.on_join", nil), far.subscribe("wamp.session.on_leave", nil)
		near := r.near()
		for { // other tests join as well
			info, _ := joins.next().Args[0].(map[string]any)
			if info["session"] == near.wampID() {
				same(r.T, "authrole", info["authrole"], "anonymous")
				break
			}
		}
		near.leave()
		for leaves.next().Args[0] != near.wampID() {
		}
	}},
	{"registrations are looked up", func(r *run) {
		callee, near := r.far(), r.near()
		exact := callee.register(r.uri("exact"), dict{"invoke": "roundrobin"}, echoes).details["registration"]
		prefix := callee.register(r.uri("prefix"), dict{"match": "prefix"}, echoes).details["registration"]
		same(r.T, "lookup", near.ask("wamp.registration.lookup", r.uri("exact")), exact)
		same(r.T, "lookup of a prefix", near.ask("wamp.registration.lookup", r.uri("prefix"), dict{"match": "prefix"}), prefix)
		same(r.T, "lookup of nothing", near.ask("wamp.registration.lookup", r.uri("nothing")), nil)
		same(r.T, "match", near.ask("wamp.registration.match", r.uri("prefix.one")), prefix)
		got, _ := near.ask("wamp.registration.get", exact).(map[string]any)
		for key, want := range (dict{"id": exact, "uri": r.uri("exact"), "match": "exact", "invoke": "roundrobin"}) {
			same(r.T, "wamp.registration.get: "+key, got[key], want)
		}
		lists, _ := near.ask("wamp.registration.list").(map[string]any)
		for match, id := range (dict{"exact": exact, "prefix": prefix}) {
			if ids, _ := lists[match].([]any); !slices.Contains(ids, id) {
				r.Errorf("wamp.registration.list names no %s registration %v", match, id)
			}
		}
		same(r.T, "list_callees", near.ask("wamp.registration.list_callees", exact), list{callee.wampID()})
		same(r.T, "count_callees", near.ask("wamp.registration.count_callees", exact), 1)
		near.refused("wamp.error.no_such_registration", "wamp.registration.get", 1.0)
	}},
	{"registration events", func(r *run) {
		near := r.near()
		var heard []*subscription
		for _, what := range []string{"on_create", "on_register", "on_unregister", "on_delete"} {
			heard = append(heard, near.subscribe("wamp.registration."+what, nil))
		}
		callee := r.far()
		id := callee.register(r.uri("proc"), nil, echoes).details["registration"]
		callee.leave()
		for i, u := range heard {
			for {
				args := u.next().Args
				same(r.T, "arguments of "+u.topic, len(args), 2)
				if i == 0 { // the registration itself
					if info, _ := args[1].(map[string]any); info["id"] != id {
						continue
					}
				} else if args[1] != id {
					continue
				}
				same(r.T, "the session of "+u.topic, args[0], callee.wampID())
				break
			}
		}
	}},
	{"a registration is revoked", func(r *run) {
		callee, near := r.far(), r.near()
		g := callee.register(r.uri("proc"), nil, echoes)
		near.call("wamp.registration.remove_callee", list{g.details["registration"], callee.wampID()}, dict{"reason": "com.myapp.error.enough"}, nil)
		near.refused("wamp.error.no_such_procedure", r.uri("proc"))
		if r.library.tellsRevocation {
			same(r.T, "the reason", next(r, "UNREGISTERED", g.revoked), "com.myapp.error.enough")
		}
		callee.register(r.uri("other"), nil, echoes)
		same(r.T, "the session goes on", near.ask(r.uri("other"), "still here"), "still here")
	}},
	{"subscriptions are looked up", func(r *run) {
		subscriber, near := r.far(), r.near()
		exact := subscriber.subscribe(r.uri("exact"), nil).details["subscription"]
		prefix := subscriber.subscribe(r.uri("exact"), dict{"match": "prefix"}).details["subscription"]
		same(r.T, "lookup", near.ask("wamp.subscription.lookup", r.uri("exact")), exact)
		same(r.T, "lookup of a prefix", near.ask("wamp.subscription.lookup", r.uri("exact"), dict{"match": "prefix"}), prefix)
		same(r.T, "lookup of nothing", near.ask("wamp.subscription.lookup", r.uri("nothing")), nil)
		got, _ := near.ask("wamp.subscription.get", exact).(map[string]any)
		for key, want := range (dict{"id": exact, "uri": r.uri("exact"), "match": "exact"}) {
			same(r.T, "wamp.subscription.get: "+key, got[key], want)
		}
		if ids, _ := near.ask("wamp.subscription.match", r.uri("exact")).([]any); !slices.Contains(ids, exact) || !slices.Contains(ids, prefix) {
			r.Errorf("wamp.subscription.match names %v, want %v and %v", ids, exact, prefix)
		}
		lists, _ := near.ask("wamp.subscription.list").(map[string]any)
		for match, id := range (dict{"exact": exact, "prefix": prefix}) {
			if ids, _ := lists[match].([]any); !slices.Contains(ids, id) {
				r.Errorf("wamp.subscription.list names no %s subscription %v", match, id)
			}
		}
		same(r.T, "list_subscribers", near.ask("wamp.subscription.list_subscribers", exact), list{subscriber.wampID()})
		same(r.T, "count_subscribers", near.ask("wamp.subscription.count_subscribers", exact), 1)
		near.refused("wamp.error.no_such_subscription", "wamp.subscription.get", 1.0)
	}},
	{"subscription events", func(r *run) {
		near := r.near()
		var heard []*subscription
		for _, what := range []string{"on_create", "on_subscribe", "on_unsubscribe", "on_delete"} {
			heard = append(heard, near.subscribe("wamp.subscription."+what, nil))
		}
		subscriber := r.far()
		id := subscriber.subscribe(r.uri("topic"), nil).details["subscription"]
		subscriber.leave()
		for i, u := range heard {
			for {
				args := u.next().Args
				same(r.T, "arguments of "+u.topic, len(args), 2)
				if i == 0 {
					if info, _ := args[1].(map[string]any); info["id"] != id {
						continue
					}
				} else if args[1] != id {
					continue
				}
				same(r.T, "the session of "+u.topic, args[0], subscriber.wampID())
				break
			}
		}
	}},
}
