package session

import (
	"net/http"
	"testing"

	"github.com/wamp-operator/wamp-operator/router/transport"
)

// Whom a GOODBYE would end for good is known by what it says of itself, and nobody else is taken for it.
func TestWhoStopsAtGoodbye(t *testing.T) {
	const chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
	for name, c := range map[string]struct {
		protocol  transport.Kind
		userAgent string
		origin    string
		agent     string
		want      bool
	}{
		"Autobahn|JS in a browser":             {protocol: transport.WebSocket, userAgent: chrome, origin: "https://shop.example", want: true},
		"Autobahn|JS in a browser by polling":  {protocol: transport.LongPoll, userAgent: chrome, want: true},
		"Autobahn|JS in Node, with ws":         {protocol: transport.WebSocket, want: true},
		"Autobahn|JS in Node, its own":         {protocol: transport.WebSocket, userAgent: "node", want: true},
		"Autobahn|JS in Bun":                   {protocol: transport.WebSocket, userAgent: "Bun/1.1.0", want: true},
		"Autobahn|JS in something with Origin": {protocol: transport.WebSocket, userAgent: "Other/1.0", origin: "null", want: true},
		"Wampy.js":                             {protocol: transport.WebSocket, userAgent: chrome, origin: "https://shop.example", agent: "Wampy.js v8.0.2", want: true},
		"another library in a browser":         {protocol: transport.WebSocket, userAgent: chrome, origin: "https://shop.example", agent: "own/1.0"},
		"Autobahn|Python":                      {protocol: transport.WebSocket, userAgent: "AutobahnPython/22.7.1", agent: "AutobahnPython/22.7.1"},
		"Autobahn|Python by RawSocket":         {protocol: transport.RawSocket},
		"nexus":                                {protocol: transport.WebSocket, userAgent: "Go-http-client/1.1"},
		"Autobahn|C++":                         {protocol: transport.WebSocket, userAgent: "WebSocket++/0.8.2"},
	} {
		t.Run(name, func(t *testing.T) {
			info := &transport.Info{Protocol: c.protocol}
			if c.protocol != transport.RawSocket {
				info.Header = http.Header{}
			}
			if c.userAgent != "" {
				info.Header.Set("User-Agent", c.userAgent)
			}
			if c.origin != "" {
				info.Header.Set("Origin", c.origin)
			}
			if got := stopsAtGoodbye(info, c.agent); got != c.want {
				t.Errorf("stops at GOODBYE: %t, want %t", got, c.want)
			}
		})
	}
}
