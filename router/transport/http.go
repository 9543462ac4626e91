package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gobwas/httphead"
	"github.com/gobwas/ws"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// subprotocol is the name of a serialization in WebSocket's and long-poll's handshakes.
func subprotocol(f wamp.Format, k batching) string {
	if k != unbatched {
		return "wamp.2." + f.String() + ".batched"
	}
	return "wamp.2." + f.String()
}

// parseSubprotocol is the reverse.
func parseSubprotocol(name string) (f wamp.Format, k batching, ok bool) {
	for _, f := range wamp.Formats {
		for _, k := range []batching{unbatched, batchingOf(f)} {
			if name == subprotocol(f, k) {
				return f, k, true
			}
		}
	}
	return 0, 0, false
}

// methods are the methods of HTTP: what else begins a connection with a letter is refused after a
// few octets.
var methods = []string{"GET ", "POST ", "OPTIONS ", "HEAD ", "PUT ", "DELETE ", "PATCH ", "TRACE ", "CONNECT "}

func isMethodStart(b byte) bool { return b >= 'A' && b <= 'Z' }

// sniffed is a connection whose first octet was read to see what it speaks. It hands all on to
// net/http, unless the first word is no method.
type sniffed struct {
	net.Conn
	arrival *arrival
	first   byte
	given   bool
	word    []byte // what has been read, until it is known to begin with a method
	known   bool
}

var errNotHTTP = errors.New("the first octets are no HTTP request")

func (c *sniffed) Read(b []byte) (n int, err error) {
	if len(b) == 0 {
		return 0, nil
	}
	if c.given {
		n, err = c.Conn.Read(b)
	} else {
		b[0], c.given, n = c.first, true, 1
	}
	if late := net.Error(nil); err != nil && errors.As(err, &late) && late.Timeout() {
		c.arrival.late.Store(true)
	}
	if !c.known && !c.plausible(b[:n]) {
		return 0, errNotHTTP
	}
	return n, err
}

// plausible says whether the connection may still become an HTTP request.
func (c *sniffed) plausible(b []byte) bool {
	c.word = append(c.word, b[:min(len(b), 16)]...)
	for _, m := range methods {
		if n := min(len(m), len(c.word)); string(c.word[:n]) == m[:n] {
			if c.known = n == len(m); c.known {
				c.word = nil
			}
			return true
		}
	}
	return false
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
		ConnContext: func(ctx context.Context, nc net.Conn) context.Context {
			return context.WithValue(ctx, arrivalKey{}, nc.(*sniffed).arrival)
		},
		ErrorLog: slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug),
	}
	if s.cfg.LongPoll != nil {
		// Longer than a session lives without a request, so that none meets a connection
		// that is just being closed.
		s.http.IdleTimeout = s.cfg.LongPoll.IdleTimeout + s.cfg.HandshakeTimeout
	}
	s.http.SetKeepAlivesEnabled(s.cfg.LongPoll != nil)
	go func() { _ = s.http.Serve(s.upgrades) }()
}

type arrivalKey struct{}

// httpState accounts for the connections that end inside net/http without an upgrade.
func (s *Server) httpState(nc net.Conn, state http.ConnState) {
	if c, ok := nc.(*sniffed); ok && state == http.StateClosed {
		s.refuse(c.arrival, errors.New("no WebSocket upgrade"))
	}
}

func (s *Server) stopHTTP() { _ = s.http.Close() }

const whatToDo = `This is a WAMP router. It speaks, on this port:

  WebSocket   ws://HOST:PORT/ws with the subprotocol wamp.2.json, wamp.2.msgpack or wamp.2.cbor
  RawSocket   tcp://HOST:PORT with the serializer JSON, MessagePack or CBOR

Connect with a WAMP client library.
`

// speaksTLS answers an HTTP request in the clear on a port that speaks TLS.
const speaksTLS = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n" +
	"This port speaks TLS: connect with wss:// (WebSocket), https:// (long-poll) or TLS (RawSocket).\n"

// serveHTTP upgrades requests for a WebSocket whatever their path is: clients that come from other
// routers have paths of their own.
func (s *Server) serveHTTP(w http.ResponseWriter, r *http.Request) {
	if s.cfg.LongPoll != nil {
		if path, ok := strings.CutPrefix(r.URL.Path, s.cfg.LongPoll.Path); ok && strings.HasPrefix(path, "/") {
			s.serveLongPoll(w, r, path)
			return
		}
		w.Header().Set("Connection", "close")
	}
	asked := strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
	switch {
	case !asked && r.URL.Path != "/" && r.URL.Path != "/ws":
		http.Error(w, "Nothing is here. WebSocket connections go to /ws.", http.StatusNotFound)
	case r.Method != http.MethodGet:
		w.Header().Set("Allow", http.MethodGet)
		http.Error(w, whatToDo, http.StatusMethodNotAllowed)
	case !asked:
		w.Header().Set("Upgrade", "websocket")
		http.Error(w, whatToDo, http.StatusUpgradeRequired)
	case !s.cfg.originAllowed(r):
		s.refuseOrigin(w, r)
	default:
		s.upgrade(w, r)
	}
}

// upgrade makes the WebSocket handshake and leaves net/http, whose buffers can be freed then.
func (s *Server) upgrade(w http.ResponseWriter, r *http.Request) {
	format, batch, complaint := chooseSubprotocol(r.Header.Values("Sec-WebSocket-Protocol"))
	if complaint != "" {
		http.Error(w, complaint, http.StatusBadRequest)
		return
	}
	var deflate *deflater
	upgrader := ws.HTTPUpgrader{
		Timeout:  s.cfg.HandshakeTimeout,
		Protocol: func(p string) bool { return p == subprotocol(format, batch) },
	}
	if c := s.cfg.Compression; c != nil {
		upgrader.Negotiate = func(offer httphead.Option) (httphead.Option, error) { return c.negotiate(offer, &deflate), nil }
	}
	nc, rw, _, err := upgrader.Upgrade(r, w)
	if nc == nil {
		return
	}
	a := nc.(*sniffed).arrival
	nc = a.stream()
	if err != nil {
		s.refuse(a, fmt.Errorf("WebSocket upgrade: %w", err))
		return
	}
	early := make([]byte, rw.Reader.Buffered())
	if _, err := io.ReadFull(rw.Reader, early); err != nil {
		s.refuse(a, err)
		return
	}
	l := line{
		nc: nc, kind: WebSocket, format: format, framing: newWSFraming(format, s.cfg.MaxMessage, false, deflate != nil),
		packing: newPacking(batch, deflate), early: early, header: keepHeader(r.Header), remote: a.remote,
	}
	if err := nc.SetDeadline(time.Time{}); err != nil {
		s.refuse(a, err)
		return
	}
	s.serve(a, l)
}

// chooseSubprotocol takes the first of the client's subprotocols that is known here, or says
// what is wrong with them.
func chooseSubprotocol(offered []string) (f wamp.Format, k batching, complaint string) {
	for _, list := range offered {
		for name := range strings.SplitSeq(list, ",") {
			if f, k, ok := parseSubprotocol(strings.TrimSpace(name)); ok {
				return f, k, ""
			}
		}
	}
	const want = "Ask for one of wamp.2.json, wamp.2.msgpack, wamp.2.cbor in Sec-WebSocket-Protocol, or for one of these with .batched behind it."
	if len(offered) == 0 {
		return 0, 0, "The WebSocket request names no subprotocol. " + want
	}
	return 0, 0, fmt.Sprintf("The WebSocket subprotocols %q are not known here. %s", strings.Join(offered, ", "), want)
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
