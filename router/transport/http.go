package transport

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gobwas/ws"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// subprotocol is the WebSocket subprotocol of a serialization.
func subprotocol(f wamp.Format) string { return "wamp.2." + f.String() }

// sniffed is a connection whose first octet was read to see what it speaks.
type sniffed struct {
	net.Conn
	first byte
	given bool
}

func (c *sniffed) Read(b []byte) (int, error) {
	if c.given || len(b) == 0 {
		return c.Conn.Read(b)
	}
	b[0], c.given = c.first, true
	return 1, nil
}

// handoff is a net.Listener that is fed with connections already accepted: so net/http reads
// requests from them.
type handoff struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (h *handoff) give(nc net.Conn) error {
	select {
	case h.conns <- nc:
		return nil
	case <-h.done:
		return ErrServerClosed
	}
}

func (h *handoff) Accept() (net.Conn, error) {
	select {
	case nc := <-h.conns:
		return nc, nil
	case <-h.done:
		return nil, net.ErrClosed
	}
}

func (h *handoff) Close() error {
	h.once.Do(func() { close(h.done) })
	return nil
}

func (h *handoff) Addr() net.Addr { return &net.TCPAddr{} }

func (s *Server) startHTTP() {
	s.upgrades = &handoff{conns: make(chan net.Conn), done: make(chan struct{})}
	s.http = &http.Server{
		Handler:           http.HandlerFunc(s.serveHTTP),
		ReadHeaderTimeout: s.cfg.HandshakeTimeout,
		WriteTimeout:      s.cfg.HandshakeTimeout,
		MaxHeaderBytes:    16 << 10,
		ConnState:         s.httpState,
		ErrorLog:          slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug),
	}
	s.http.SetKeepAlivesEnabled(false)
	go func() { _ = s.http.Serve(s.upgrades) }()
}

// httpState accounts for the connections that end inside net/http without an upgrade.
func (s *Server) httpState(nc net.Conn, state http.ConnState) {
	if c, ok := nc.(*sniffed); ok && state == http.StateClosed {
		s.refuse(c.Conn, errors.New("no WebSocket upgrade"))
	}
}

func (s *Server) stopHTTP() { _ = s.http.Close() }

const whatToDo = `This is a WAMP router. It speaks, on this port:

  WebSocket   ws://HOST:PORT/ws with the subprotocol wamp.2.json, wamp.2.msgpack or wamp.2.cbor
  RawSocket   tcp://HOST:PORT with the serializer JSON, MessagePack or CBOR

Connect with a WAMP client library.
`

func (s *Server) serveHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path != "/" && r.URL.Path != "/ws":
		http.Error(w, "Nothing is here. WebSocket connections go to /ws.", http.StatusNotFound)
	case r.Method != http.MethodGet:
		w.Header().Set("Allow", http.MethodGet)
		http.Error(w, whatToDo, http.StatusMethodNotAllowed)
	case !strings.EqualFold(r.Header.Get("Upgrade"), "websocket"):
		w.Header().Set("Upgrade", "websocket")
		http.Error(w, whatToDo, http.StatusUpgradeRequired)
	case s.full():
		http.Error(w, "This router has as many connections as it may hold. Try again later.", http.StatusServiceUnavailable)
	default:
		s.upgrade(w, r)
	}
}

// upgrade makes the WebSocket handshake and leaves net/http: the session runs in a goroutine
// of its own, so that the request and the buffers of net/http can be freed.
func (s *Server) upgrade(w http.ResponseWriter, r *http.Request) {
	offered := r.Header.Values("Sec-WebSocket-Protocol")
	format, complaint := chooseSubprotocol(offered)
	if complaint != "" {
		http.Error(w, complaint, http.StatusBadRequest)
		return
	}
	upgrader := ws.HTTPUpgrader{
		Timeout:  s.cfg.HandshakeTimeout,
		Protocol: func(p string) bool { return p == subprotocol(format) },
	}
	nc, rw, _, err := upgrader.Upgrade(r, w)
	if nc == nil {
		return
	}
	if c, ok := nc.(*sniffed); ok {
		nc = c.Conn
	}
	if err != nil {
		s.refuse(nc, fmt.Errorf("WebSocket upgrade: %w", err))
		return
	}
	early := make([]byte, rw.Reader.Buffered())
	if _, err := io.ReadFull(rw.Reader, early); err != nil {
		s.refuse(nc, err)
		return
	}
	header := keepHeader(r.Header)
	framing := newWSFraming(format, s.cfg.MaxMessage, false)
	if err := nc.SetDeadline(time.Time{}); err != nil {
		s.refuse(nc, err)
		return
	}
	go s.serve(nc, WebSocket, format, framing, early, header)
}

// chooseSubprotocol takes the first of the client's subprotocols that is known here, or says
// what is wrong with them.
func chooseSubprotocol(offered []string) (f wamp.Format, complaint string) {
	for _, list := range offered {
		for name := range strings.SplitSeq(list, ",") {
			for _, f := range wamp.Formats {
				if strings.TrimSpace(name) == subprotocol(f) {
					return f, ""
				}
			}
		}
	}
	const want = "Ask for one of wamp.2.json, wamp.2.msgpack, wamp.2.cbor in Sec-WebSocket-Protocol."
	if len(offered) == 0 {
		return 0, "The WebSocket request names no subprotocol. " + want
	}
	return 0, fmt.Sprintf("The WebSocket subprotocols %q are not known here. %s", strings.Join(offered, ", "), want)
}

// keepHeader copies what sessions may want to know of the request, and nothing else: it is
// held as long as the session lives.
func keepHeader(h http.Header) http.Header {
	kept := http.Header{}
	for _, name := range []string{"Origin", "Cookie", "User-Agent", "X-Forwarded-For"} {
		for _, v := range h.Values(name) {
			kept.Add(name, strings.Clone(v))
		}
	}
	return kept
}
