package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Server accepts WebSocket and RawSocket connections. Set the fields before the first call of
// Serve and leave them alone then. One Server may serve several listeners.
type Server struct {
	// Handler is called for each connection, in a goroutine of the connection's own. When
	// it returns the connection is closed as by Conn.Close.
	Handler func(Conn)
	Config  Config
	// TLS is nil to serve in the clear. Use GetCertificate or GetConfigForClient to change
	// certificates while serving.
	TLS *tls.Config
	// Log gets what goes wrong below the messages, at debug level for what any stranger can
	// cause. Default slog.Default().
	Log *slog.Logger
	// Stats counts; read it whenever you like.
	Stats Stats

	start     sync.Once
	cfg       *Config
	tls       *tls.Config
	watcher   *watcher
	http      *http.Server
	upgrades  *handoff
	handlers  sync.WaitGroup // connections, from Accept to the end of their handler
	mu        sync.Mutex
	closed    bool
	listeners map[net.Listener]struct{}
	shaking   map[net.Conn]struct{} // connections in their handshake
}

func (s *Server) init() {
	s.start.Do(func() {
		s.cfg = s.Config.withDefaults()
		s.watcher = newWatcher(s.cfg.sweepInterval())
		s.listeners, s.shaking = map[net.Listener]struct{}{}, map[net.Conn]struct{}{}
		if s.Log == nil {
			s.Log = slog.Default()
		}
		if s.TLS != nil {
			s.tls = s.TLS.Clone()
			s.tls.NextProtos = []string{"http/1.1"}
		}
		s.startHTTP()
	})
}

// Serve accepts connections on ln until Shutdown or an error of the listener, and closes ln.
// It returns ErrServerClosed after Shutdown.
func (s *Server) Serve(ln net.Listener) error {
	s.init()
	defer ln.Close()
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return ErrServerClosed
	}
	s.listeners[ln] = struct{}{}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.listeners, ln)
		s.mu.Unlock()
	}()
	for pause := time.Duration(0); ; {
		nc, err := ln.Accept()
		switch {
		case err == nil:
			pause = 0
			s.admit(nc)
		case s.isClosed():
			return ErrServerClosed
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("accepting connections: %w", err)
		default: // too many open files, say: it passes
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			s.Log.Warn("cannot accept connections for now", "error", err, "retry", pause)
			time.Sleep(pause)
		}
	}
}

func (s *Server) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// admit starts the handshake of a new connection.
func (s *Server) admit(nc net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = nc.Close()
		return
	}
	s.shaking[nc] = struct{}{}
	s.handlers.Add(1)
	s.Stats.Open.Add(1)
	go func() {
		if err := s.handshake(nc); err != nil {
			s.refuse(nc, err)
		}
	}()
}

// leaveHandshake takes the connection out of those that Shutdown may cut at once.
func (s *Server) leaveHandshake(nc net.Conn) {
	s.mu.Lock()
	delete(s.shaking, rawConn(nc))
	s.mu.Unlock()
}

// refuse ends a connection whose handshake failed.
func (s *Server) refuse(nc net.Conn, err error) {
	s.Log.Debug("handshake failed", "remote", nc.RemoteAddr(), "error", err)
	s.leaveHandshake(nc)
	_ = nc.Close()
	s.Stats.Refused.Add(1)
	s.Stats.Open.Add(-1)
	s.handlers.Done()
}

// handshake makes the TLS handshake and tells the transports apart. It runs in the
// connection's goroutine, which becomes the session's for RawSocket.
func (s *Server) handshake(nc net.Conn) error {
	if err := nc.SetDeadline(time.Now().Add(s.cfg.HandshakeTimeout)); err != nil {
		return err
	}
	if s.tls != nil {
		tc := tls.Server(nc, s.tls)
		if err := tc.Handshake(); err != nil {
			return fmt.Errorf("TLS handshake: %w", err)
		}
		nc = tc
	}
	var first [1]byte
	if _, err := nc.Read(first[:]); err != nil {
		return fmt.Errorf("reading the first octet: %w", err)
	}
	if first[0] != rawMagic {
		return s.upgrades.give(&sniffed{Conn: nc, first: first[0]})
	}
	format, framing, err := rawAccept(nc, s.cfg, s.full())
	if err != nil {
		return err
	}
	if err := nc.SetDeadline(time.Time{}); err != nil {
		return err
	}
	s.serve(nc, RawSocket, format, framing, nil, nil)
	return nil
}

// full says whether the connection at hand is one too many.
func (s *Server) full() bool {
	return s.cfg.MaxConnections > 0 && s.Stats.Open.Load() > int64(s.cfg.MaxConnections)
}

// serve runs the handler on a connection whose handshake is done.
func (s *Server) serve(nc net.Conn, kind Kind, f wamp.Format, fr framing, early []byte, h http.Header) {
	defer s.handlers.Done()
	s.Stats.Accepted.Add(1)
	p := newPeer(nc, kind, f, fr, s.cfg, &s.Stats, s.watcher, early, h)
	s.leaveHandshake(nc)
	s.Handler(p)
	p.Close()
	<-p.done
	s.Stats.Open.Add(-1)
}

// Shutdown stops accepting, cuts handshakes short, closes every connection (WebSocket code
// 1001) and waits until their handlers have returned. When ctx ends first it aborts the
// connections that are left and returns the context's error. Say GOODBYE to the sessions
// before.
func (s *Server) Shutdown(ctx context.Context) error {
	s.init()
	s.mu.Lock()
	s.closed = true
	for ln := range s.listeners {
		_ = ln.Close()
	}
	for nc := range s.shaking {
		_ = nc.Close()
	}
	s.mu.Unlock()
	s.watcher.each(func(p *peer) { p.CloseWith(CloseGoingAway, "the router is shutting down") })
	done := make(chan struct{})
	go func() {
		s.handlers.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
	s.stopHTTP()
	s.watcher.each((*peer).Abort)
	return ctx.Err()
}
