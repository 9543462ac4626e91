package session

import (
	"strings"

	"github.com/wamp-operator/wamp-operator/router/transport"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// stopping is what a client is told that comes while the router stops.
const stopping = "this router is stopping: connect again to reach another"

// Stopping refuses a client because the router stops, and others go on: see [Session.GoAway].
func Stopping() *Refusal { return &Refusal{URI: wamp.CloseSystemShutdown, Message: stopping} }

// GoAway ends the session because the router stops, and others go on: the client is to connect again.
// It is told so with GOODBYE and wamp.close.system_shutdown (WAMP basic profile, "Session Closing"), as
// Goodbye does. Libraries that take any GOODBYE for the end of the application, and never connect
// again after one, see the connection end, with WebSocket's close code 1001 "going away" (RFC 6455,
// section 7.4.1). It returns at once and may be called at any time from any goroutine.
func (s *Session) GoAway() {
	s.entering.Lock()
	silent := s.stopsAtGoodbye
	var ended bool
	if silent {
		ended = s.protocol.Leaving() || s.protocol.GiveUp()
	}
	s.entering.Unlock()
	switch {
	case ended:
		s.conn.CloseWith(transport.CloseGoingAway, stopping)
	case !silent:
		s.Goodbye(wamp.CloseSystemShutdown)
	}
}

// stopsAtGoodbye tells whether a client is known to connect again by itself when its connection ends,
// and not after GOODBYE or ABORT: the JavaScript libraries, Autobahn|JS (Connection sets its _retry to
// false) and Wampy.js (isSayingGoodbye). Only the latter says who it is; the other is known by what its
// WebSocket says: a browser sends Origin, and Node's ws no User-Agent, which Go's and Python's clients do.
// Who is taken for one of them by mistake sees a connection that ends, as in any fault.
func stopsAtGoodbye(info *transport.Info, agent string) bool {
	if strings.HasPrefix(agent, "Wampy.js") {
		return true
	}
	if info.Protocol == transport.RawSocket || agent != "" {
		return false
	}
	browser := info.Header.Get("User-Agent")
	if browser == "" || info.Header.Get("Origin") != "" {
		return true
	}
	for _, engine := range []string{"Mozilla/", "node", "undici", "Deno/", "Bun/"} {
		if strings.HasPrefix(browser, engine) {
			return true
		}
	}
	return false
}
