package cluster

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// A replica of another cluster, of another version, without the key or with a wrong name is
// refused, and told why.
func TestLinkRefused(t *testing.T) {
	const key = "0123456789abcdef"
	for name, test := range map[string]struct {
		change func(*linkHello)
		key    string
		want   string
	}{
		"another cluster": {func(h *linkHello) { h.Cluster = "other" }, key, `cluster "other"`},
		"later versions":  {func(h *linkHello) { h.Least, h.Most = 98, 99 }, key, "version 98 to 99"},
		"earlier version": {func(h *linkHello) { h.Least, h.Most = 2, 0 }, key, "version 2 "},
		"another member":  {func(h *linkHello) { h.To = "b.2" }, key, `looks for member "b.2"`},
		"wrong side":      {func(h *linkHello) { h.From = "c.1" }, key, "the first dials"},
		"a relay":         {func(h *linkHello) { h.Relay = "c.1" }, key, "no direct link with"},
		"a move":          {func(h *linkHello) { h.Move = true }, key, "does not stand"},
		"calls first":     {func(h *linkHello) { h.Calls = true }, key, "control connection"},
		"another key":     {func(*linkHello) {}, "fedcba9876543210", "key"},
	} {
		t.Run(name, func(t *testing.T) {
			server, err := newKeyring([][]byte{[]byte(key)}, "test")
			if err != nil {
				t.Fatal(err)
			}
			client, err := newKeyring([][]byte{[]byte(test.key)}, "test")
			if err != nil {
				t.Fatal(err)
			}
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			l := newLinks(linkHello{Least: linkProtocolLeast, Most: linkProtocol, Cluster: "test", From: "b.1"}, ln, server.linkTLS(), sockets{}, testLogger(),
				func(*link) { t.Error("the link was put to use") }, nil)
			defer l.close()
			h := linkHello{Least: linkProtocolLeast, Most: linkProtocol, Cluster: "test", From: "a.1", To: "b.1", Link: 1}
			test.change(&h)
			s, err := dialStream(t.Context(), sockets{}, ln.Addr().String(), client.linkTLS(), h)
			if err == nil {
				s.close()
				t.Fatal("it was welcomed")
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v does not say %q", err, test.want)
			}
		})
	}
}

// A member that introduces itself again, before the connection for calls is there, leaves no
// connection behind that nobody closes.
func TestLinkIntroducedTwice(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := newLinks(linkHello{Least: linkProtocolLeast, Most: linkProtocol, Cluster: "test", From: "b.1"}, ln, nil, sockets{}, testLogger(),
		func(*link) { t.Error("the link was put to use") }, nil)
	defer l.close()
	h := linkHello{Least: linkProtocolLeast, Most: linkProtocol, Cluster: "test", From: "a.1", To: "b.1", Link: 1}
	var streams [2]*stream
	for i := range streams {
		if streams[i], err = dialStream(t.Context(), sockets{}, ln.Addr().String(), nil, h); err != nil {
			t.Fatal(err)
		}
		defer streams[i].close()
	}
	if err := streams[0].conn.SetReadDeadline(time.Now().Add(handshakeWait / 2)); err != nil {
		t.Fatal(err)
	}
	if _, err := streams[0].in.next(); !errors.Is(err, io.EOF) {
		t.Errorf("the first connection gives %v, and is to be closed", err)
	}
}
