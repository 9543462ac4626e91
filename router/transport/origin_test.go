package transport

import (
	"net/http"
	"strings"
	"testing"
)

func TestOrigins(t *testing.T) {
	list := []string{"https://app.example.com", "https://*.example.org", "null"}
	for _, c := range []struct {
		allowed      []string
		host, origin string
		want         bool
	}{
		{nil, "router:8080", "", true},
		{nil, "router:8080", "http://router:8080", true},
		{nil, "router:8080", "https://ROUTER", true},
		{nil, "router", "http://router:3000", true},
		{nil, "[::1]:8080", "http://[::1]:3000", true},
		{nil, "[::1]", "http://[::1]:3000", true},
		{nil, "router:8080", "http://evil.example", false},
		{nil, "router:8080", "http://router.evil.example", false},
		{nil, "router:8080", "null", false},
		{nil, "", "http://", false},
		{list, "router", "https://app.example.com", true},
		{list, "router", "https://APP.example.com", true},
		{list, "router", "http://app.example.com", false},
		{list, "router", "https://app.example.com:8443", false},
		{list, "router", "https://a.b.example.org", true},
		{list, "router", "https://example.org", false},
		{list, "router", "https://evil-example.org", false},
		{list, "router", "http://a.example.org", false},
		{list, "router", "null", true},
		{list, "router", "http://router", false},
		{list, "router", "", true},
		{[]string{"*"}, "router", "https://anything", true},
	} {
		r := &http.Request{Host: c.host, Header: http.Header{}}
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		if got := (&Config{Origins: c.allowed}).originAllowed(r); got != c.want {
			t.Errorf("%v at %s: %q is allowed: %v", c.allowed, c.host, c.origin, got)
		}
	}
}

// A page that may not connect is told so, and what to do.
func TestOriginRefused(t *testing.T) {
	s := &Server{Handler: echo}
	address := startServer(t, s)
	nc := connect(t, address)
	r, body := request(t, nc, upgradeRequest+"Origin: https://evil.example\r\nSec-WebSocket-Protocol: wamp.2.json\r\n\r\n")
	if r.StatusCode != http.StatusForbidden || !strings.Contains(body, `"https://evil.example" may not connect here`) {
		t.Error(r.Status, body)
	}
	if s.Stats.RefusedOrigin.Load() != 1 {
		t.Error("not counted")
	}
}

func TestCheckOrigins(t *testing.T) {
	for origin, good := range map[string]bool{
		"*": true, "null": true, "https://a.example": true, "http://localhost:3000": true, "https://*.a.example": true,
		"a.example": false, "https://a.example/": false, "https://a.example/path": false, "https://*": false, "https://a.*.example": false, "": false, "https://u@a": false,
	} {
		if err := CheckOrigins([]string{origin}); (err == nil) != good {
			t.Errorf("%q: %v", origin, err)
		}
	}
}
