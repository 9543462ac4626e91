package broker

import (
	"testing"

	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Whatever options a client gives, the event that reaches others has options that they understand in
// the same way.
func FuzzPublish(f *testing.F) {
	for _, options := range []map[string]any{
		{"acknowledge": true, "exclude": []any{1, 2}, "eligible": []any{}},
		{"exclude_me": false, "retain": true, "disclose_me": true},
		{"eligible_authrole": []any{"all"}, "exclude_authid": []any{"x"}, "publisher": 1},
		{"ppt_scheme": "x", "ppt_keyid": "y"},
	} {
		for _, format := range wamp.Formats {
			f.Add(byte(format), wamp.MustDict(format, options).Raw)
		}
	}
	r := &realm{}
	there, here := newBroker(r), newBroker(&realm{})
	peers := map[wamp.Format]*joined{}
	for _, format := range wamp.Formats {
		peers[format] = join(f, there, format)
		join(f, here, format).listen("com.", map[string]any{"match": "prefix"})
	}
	f.Fuzz(func(t *testing.T, format byte, options []byte) {
		p := peers[wamp.Formats[int(format)%len(wamp.Formats)]]
		frame := wamp.Append(nil, p.session.Format(), &wamp.Message{
			Type: wamp.Publish, Request: 1, URI: topicURI, Dict: wamp.Dict{Format: p.session.Format(), Raw: options},
		})
		var m wamp.Message
		if wamp.Decode(p.session.Format(), frame, &m) != nil || m.URI != topicURI {
			return // the session would have ended, or it is another message
		}
		r.published = nil
		p.Publish(&m)
		given, err := parseOptions(m.Dict)
		if (err == nil) != (len(r.published) == 1) {
			t.Fatalf("%d events, %v", len(r.published), err)
		}
		for i := range r.published {
			e := &r.published[i]
			o, err := parseOptions(e.Options)
			if err != nil {
				t.Fatalf("the options that travel: %v", err)
			}
			if (o.audience == nil) != (given.audience == nil) || o.retain != given.retain {
				t.Fatalf("%+v travels as %+v", given, o)
			}
			if _, err := e.Details.Decode(); err != nil {
				t.Fatalf("the details: %v", err)
			}
			here.Event(e)
		}
		for _, p := range peers {
			p.conn.Sent()
		}
	})
}

// Testaments come from other replicas, perhaps of another version.
func FuzzTestament(f *testing.F) {
	f.Add(encodeTestament(&cluster.Event{
		Topic: topicURI, Publication: 7, Payload: wamp.MustPayload(wamp.JSON, []any{1}, nil), Options: wamp.MustDict(wamp.JSON, retain),
	}, "all", 1))
	b := newBroker(&realm{})
	c := join(f, b, wamp.JSON)
	b.access = c.session.Access
	c.listen(topicURI, nil)
	f.Fuzz(func(t *testing.T, content []byte) {
		b.Testament(content)
		for _, m := range c.conn.Sent() {
			wamptest.Details(m)
		}
	})
}
