package transport

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// The HTTP long-poll transport (WAMP advanced profile, "HTTP Longpoll Transport"): POST to PATH/open
// makes a session, PATH/ID/send and PATH/ID/receive carry its messages, PATH/ID/close ends it.
//
// The text says of send and close "202 (no content)", which is two things. The answer is 204: it is what
// Crossbar.io answers, and AutobahnJS takes nothing else for success.

// maxOpenBody bounds the body of a request to open.
const maxOpenBody = 4 << 10

var mimeTypes = map[wamp.Format]string{
	wamp.JSON: "application/json", wamp.MessagePack: "application/x-msgpack", wamp.CBOR: "application/cbor",
}

// serveLongPoll serves what lies below the path of the transport.
func (s *Server) serveLongPoll(w http.ResponseWriter, r *http.Request, path string) {
	if !s.cfg.originAllowed(r) {
		s.refuseOrigin(w, r)
		return
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	if origin := r.Header.Get("Origin"); origin != "" {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Allow-Credentials", "true")
		h.Add("Vary", "Origin")
	}
	if r.Method == http.MethodOptions {
		h.Set("Access-Control-Allow-Methods", http.MethodPost)
		h.Set("Access-Control-Allow-Headers", "Content-Type")
		h.Set("Access-Control-Max-Age", "600")
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if r.Method != http.MethodPost {
		h.Set("Allow", http.MethodPost)
		http.Error(w, "This is the long-poll transport of a WAMP router. Its requests are POST; a WAMP client library makes them.", http.StatusMethodNotAllowed)
		return
	}
	if path == "/open" {
		s.openPoll(w, r)
		return
	}
	id, verb, _ := strings.Cut(path[1:], "/")
	s.mu.Lock()
	p := s.polls[id]
	s.mu.Unlock()
	if p == nil {
		http.Error(w, "There is no such session. It may have ended; open another.", http.StatusNotFound)
		return
	}
	r.Context().Value(arrivalKey{}).(*arrival).useful = true
	switch verb {
	case "send":
		s.pollSend(w, r, p)
	case "receive":
		s.pollReceive(w, r, p)
	case "close":
		_ = p.far.Close()
		w.WriteHeader(http.StatusNoContent)
	default:
		http.Error(w, fmt.Sprintf("Nothing is at %q: it is send, receive or close.", verb), http.StatusNotFound)
	}
}

// body reads a request's body of at most limit bytes, which must arrive within the handshake timeout;
// nil when it answered that it cannot be taken.
func (s *Server) body(w http.ResponseWriter, r *http.Request, limit int) []byte {
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(s.cfg.HandshakeTimeout))
	var b bytes.Buffer
	_, err := b.ReadFrom(io.LimitReader(r.Body, int64(limit)+1))
	_ = control.SetReadDeadline(time.Time{})
	switch {
	case err != nil:
		w.Header().Set("Connection", "close")
		http.Error(w, "The body of the request did not arrive whole and in time.", http.StatusBadRequest)
	case b.Len() > limit:
		s.Stats.Oversizes.Add(1)
		w.Header().Set("Connection", "close")
		http.Error(w, fmt.Sprintf("The body of the request has more than the %d bytes that are taken here.", limit), http.StatusRequestEntityTooLarge)
	case b.Len() == 0:
		http.Error(w, "The request has no body.", http.StatusBadRequest)
	default:
		return b.Bytes()
	}
	return nil
}

func (s *Server) openPoll(w http.ResponseWriter, r *http.Request) {
	b := s.body(w, r, maxOpenBody)
	if b == nil {
		return
	}
	const example = `Write for example {"protocols": ["wamp.2.json"]}.`
	var request struct {
		Protocols []string `json:"protocols"`
	}
	if err := json.Unmarshal(b, &request); err != nil {
		http.Error(w, "The body is not what opens a session. "+example, http.StatusBadRequest)
		return
	}
	for _, name := range request.Protocols {
		if f, k, ok := parseSubprotocol(name); ok {
			s.startPoll(w, r, f, k)
			return
		}
	}
	http.Error(w, fmt.Sprintf("None of the protocols %q is spoken here: ask for wamp.2.json, wamp.2.msgpack or wamp.2.cbor, or for one of these with .batched behind it. %s",
		request.Protocols, example), http.StatusBadRequest)
}

// startPoll makes a session and answers with its id.
func (s *Server) startPoll(w http.ResponseWriter, r *http.Request, f wamp.Format, k batching) {
	asked := r.Context().Value(arrivalKey{}).(*arrival)
	asked.useful = true
	if err := s.takePlace(); err != nil {
		s.Stats.RefusedFull.Add(1)
		s.tooMany(w, err)
		return
	}
	// The session is an arrival of its own: it outlives the connection that opened it.
	a := &arrival{remote: asked.remote, local: asked.local}
	if err := s.fromAddress(a); err != nil {
		s.leave(a.from)
		s.tooMany(w, err)
		return
	}
	p, l := s.newPoll(asked, r, f, k)
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		l.Abort()
		p.end()
		s.leave(a.from)
		http.Error(w, "This router is stopping.", http.StatusServiceUnavailable)
		return
	}
	s.polls[p.id] = p
	s.handlers.Add(1)
	s.mu.Unlock()
	go s.servePoll(a, p, l)
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{"protocol": subprotocol(f, k), "transport": p.id})
}

func (s *Server) tooMany(w http.ResponseWriter, why error) {
	s.Stats.Refused.Add(1)
	w.Header().Set("Retry-After", "5")
	http.Error(w, why.Error(), http.StatusServiceUnavailable)
}

func (s *Server) newPoll(asked *arrival, r *http.Request, f wamp.Format, k batching) (*poll, *peer) {
	near, far := net.Pipe()
	cfg := *s.cfg
	// Nobody can be pinged; whether the client lives shows in its polls, and whoever does not
	// poll takes nothing.
	cfg.KeepAlive, cfg.WriteTimeout = -1, s.cfg.LongPoll.IdleTimeout+time.Second
	p := &poll{id: rand.Text(), batch: k, far: far, timeout: s.cfg.LongPoll.IdleTimeout, fetched: make(chan struct{}, 1)}
	l := line{
		nc: &pollEnd{Conn: near, local: asked.nc.LocalAddr()}, kind: LongPoll, format: f, framing: &pollFraming{max: s.cfg.MaxMessage, batch: k},
		header: keepHeader(r.Header), remote: asked.remote,
	}
	if asked.tls != nil {
		state := asked.tls.ConnectionState()
		l.state = &state
	}
	p.peer = newPeer(l, &cfg, &s.Stats, s.watcher)
	p.idle = time.AfterFunc(p.timeout, p.forgotten)
	return p, p.peer
}

// servePoll runs the handler on a session.
func (s *Server) servePoll(a *arrival, p *poll, l *peer) {
	s.Stats.Accepted.Add(1)
	l.from = a.from
	s.run(l)
	p.end()
	p.awaitFetched(s.upgrades.done)
	s.mu.Lock()
	delete(s.polls, p.id)
	s.mu.Unlock()
}

func (s *Server) pollSend(w http.ResponseWriter, r *http.Request, p *poll) {
	b := s.body(w, r, s.cfg.MaxMessage)
	if b == nil {
		return
	}
	messages := [][]byte{b}
	if p.batch != unbatched {
		messages = messages[:0]
		for len(b) > 0 {
			m, rest, _, err := p.batch.split(b)
			if err != nil {
				http.Error(w, err.Error()+".", http.StatusBadRequest)
				return
			}
			messages, b = append(messages, m), rest
		}
	}
	// The session may take its time: that is the pressure back to the client.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{})
	err := p.send(messages)
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(s.cfg.WriteTimeout))
	if err != nil {
		http.Error(w, "The session has ended.", http.StatusNotFound)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) pollReceive(w http.ResponseWriter, r *http.Request, p *poll) {
	control := http.NewResponseController(w)
	_ = control.SetWriteDeadline(time.Time{})
	// What stands in the request's body means nothing, but must be out of the way before
	// net/http can see whether the client is still there.
	_ = control.SetReadDeadline(time.Now().Add(s.cfg.HandshakeTimeout))
	_, err := io.Copy(io.Discard, io.LimitReader(r.Body, maxOpenBody))
	_ = control.SetReadDeadline(time.Time{})
	if err == nil {
		err = p.receive(r.Context(), s.cfg.LongPoll.PollTimeout, func(b []byte) error {
			_ = control.SetWriteDeadline(time.Now().Add(s.cfg.WriteTimeout))
			w.Header().Set("Content-Type", mimeTypes[p.peer.format])
			w.Header().Set("Content-Length", strconv.Itoa(len(b)))
			_, err := w.Write(b)
			return errors.Join(err, control.Flush())
		})
	}
	_ = control.SetWriteDeadline(time.Now().Add(s.cfg.WriteTimeout))
	switch {
	case err == nil:
	case errors.Is(err, os.ErrDeadlineExceeded):
		w.WriteHeader(http.StatusNoContent)
	default:
		http.Error(w, "The session has ended.", http.StatusNotFound)
	}
}
