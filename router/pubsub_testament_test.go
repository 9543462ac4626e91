package router_test

import (
	"testing"

	"github.com/wamp-operator/wamp-operator/router"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// bequeath adds testaments in both scopes: what a subscriber then gets must be in the order of the WAMP
// text.
func bequeath(t *testing.T, c *wamptest.Client) {
	t.Helper()
	for _, x := range []struct{ what, scope string }{{"first", "destroyed"}, {"second", "destroyed"}, {"detached", "detached"}} {
		m, err := c.CallWith("wamp.session.add_testament", []any{topic, []any{x.what}, map[string]any{"of": uint64(c.ID)}}, map[string]any{"scope": x.scope})
		if err != nil || len(m.Args) != 0 {
			t.Fatalf("add_testament: %v, %v", m, err)
		}
	}
}

func inherited(t *testing.T, from <-chan *wamptest.Message, of wamp.ID) {
	t.Helper()
	for _, want := range []string{"detached", "first", "second"} {
		if m := receive(t, from); m.Args[0] != want || m.Kwargs["of"] != int64(of) {
			t.Errorf("got %v %v, want %s of %d", m.Args, m.Kwargs, want, of)
		}
	}
}

func TestTestaments(t *testing.T) {
	everywhere(t, func(t *testing.T, dev *router.Dev) {
		var inboxes []<-chan *wamptest.Message
		for i := range 3 {
			inboxes = append(inboxes, join(t, dev, i).Listen(topic, nil))
		}
		for name, end := range map[string]func(*wamptest.Client){
			"goodbye": func(c *wamptest.Client) {
				_ = c.Send(&wamp.Message{Type: wamp.Goodbye, URI: wamp.CloseNormal})
				c.End()
			},
			"lost": (*wamptest.Client).Kill,
		} {
			c := join(t, dev, 1)
			bequeath(t, c)
			wamptest.Nothing(t, inboxes[0])
			end(c)
			for i, inbox := range inboxes {
				t.Logf("%s, subscriber %d", name, i)
				inherited(t, inbox, c.ID)
			}
		}
	})
}

func TestTestamentsAreFlushedByScope(t *testing.T) {
	everywhere(t, func(t *testing.T, dev *router.Dev) {
		got := join(t, dev, 0).Listen(topic, nil)
		c := join(t, dev, 1)
		bequeath(t, c)
		if _, err := c.CallWith("wamp.session.flush_testaments", nil, nil); err != nil {
			t.Fatal(err)
		}
		c.Kill()
		if m := receive(t, got); m.Args[0] != "detached" {
			t.Errorf("got %v", m.Args)
		}
		d := join(t, dev, 1)
		bequeath(t, d)
		if _, err := d.CallWith("wamp.session.flush_testaments", nil, map[string]any{"scope": "detached"}); err != nil {
			t.Fatal(err)
		}
		d.Kill()
		for _, want := range []string{"first", "second"} {
			if m := receive(t, got); m.Args[0] != want {
				t.Errorf("got %v, want %s", m.Args, want)
			}
		}
	})
}

// A testament outlives the replica that it was given to.
func TestTestamentsOfAReplicaThatDies(t *testing.T) {
	replicas := processes(t, 3)
	c := wamptest.Join(t, replicas[0].address, "realm1", wamp.MessagePack)
	var inboxes []<-chan *wamptest.Message
	for _, r := range replicas[1:] {
		inboxes = append(inboxes, wamptest.Join(t, r.address, "realm1", wamp.CBOR).Listen(topic, nil))
	}
	bequeath(t, c)
	c.Listen("com.example.others", nil) // the others know of it, and so of what came before
	if err := replicas[0].process.Kill(); err != nil {
		t.Fatal(err)
	}
	for _, inbox := range inboxes {
		inherited(t, inbox, c.ID)
	}
}

func TestTestamentArguments(t *testing.T) {
	c := join(t, start(t, 1), 0)
	for name, x := range map[string]struct {
		args   []any
		kwargs map[string]any
		want   string
	}{
		"no topic":        {nil, nil, wamp.ErrInvalidArgument},
		"topic":           {[]any{"com..x"}, nil, wamp.ErrInvalidURI},
		"protocol's own":  {[]any{"wamp.x"}, nil, wamp.ErrInvalidURI},
		"args":            {[]any{topic, "x"}, nil, wamp.ErrInvalidArgument},
		"kwargs":          {[]any{topic, []any{}, 1}, nil, wamp.ErrInvalidArgument},
		"scope":           {[]any{topic}, map[string]any{"scope": "dead"}, wamp.ErrInvalidArgument},
		"publish_options": {[]any{topic}, map[string]any{"publish_options": map[string]any{"exclude": 1}}, wamp.ErrInvalidArgument},
		"too large":       {[]any{topic, []any{make([]byte, 2<<20)}}, nil, wamp.ErrUnavailable},
	} {
		if _, err := c.CallWith("wamp.session.add_testament", x.args, x.kwargs); wamptest.URI(err) != x.want {
			t.Errorf("%s: %v, want %s", name, err, x.want)
		}
	}
	if _, err := c.CallWith("wamp.session.flush_testaments", nil, map[string]any{"scope": 1}); wamptest.URI(err) != wamp.ErrInvalidArgument {
		t.Errorf("flush_testaments: %v", err)
	}
}
