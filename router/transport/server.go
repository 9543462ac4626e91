package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Server accepts WebSocket and RawSocket connections, and long-poll sessions where they are
// configured. Set the fields before the first call of Serve and leave them alone then. One Server may
// serve several listeners; on those of Unix sockets there is neither TLS nor a PROXY header.
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
	shaking   map[net.Conn]struct{} // connections in their handshake, or that serve HTTP requests
	addresses map[netip.Prefix]int  // connections of each, when they are limited
	polls     map[string]*poll      // long-poll sessions by their ids
	turning   atomic.Int64          // connections being turned away
}

func (s *Server) init() {
	s.start.Do(func() {
		s.cfg = s.Config.withDefaults()
		s.watcher = newWatcher(s.cfg.sweepInterval())
		s.listeners, s.shaking = map[net.Listener]struct{}{}, map[net.Conn]struct{}{}
		s.addresses, s.polls = map[netip.Prefix]int{}, map[string]*poll{}
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

// secure makes the TLS handshake, where there is to be one.
func (s *Server) secure(a *arrival) error {
	if s.tls == nil || a.local {
		return nil
	}
	tc := tls.Server(a.nc, s.tls)
	err := tc.Handshake()
	var clear tls.RecordHeaderError
	switch {
	case errors.As(err, &clear) && clear.Conn != nil && isMethodStart(clear.RecordHeader[0]):
		_, _ = io.WriteString(clear.Conn, speaksTLS)
		return errors.New("a request in the clear on a port that speaks TLS")
	case err != nil:
		return fmt.Errorf("TLS handshake: %w", err)
	}
	a.tls = tc
	return nil
}

// handshake makes the TLS handshake and tells the transports apart. It runs in a goroutine of its own;
// the session gets another, whose stack has not grown yet.
func (s *Server) handshake(a *arrival) error {
	if err := a.nc.SetDeadline(time.Now().Add(s.cfg.HandshakeTimeout)); err != nil {
		return err
	}
	if err := s.introduced(a); err != nil {
		return err
	}
	if err := s.fromAddress(a); err != nil {
		return err
	}
	if err := s.secure(a); err != nil {
		return err
	}
	nc := a.stream()
	var first [1]byte
	if _, err := nc.Read(first[:]); err != nil {
		return fmt.Errorf("reading the first octet: %w", err)
	}
	switch {
	case isMethodStart(first[0]):
		return s.upgrades.give(&sniffed{Conn: nc, arrival: a, first: first[0]})
	case first[0] != rawMagic:
		return fmt.Errorf("the first octet 0x%02x begins nothing that is spoken here", first[0])
	}
	format, framing, err := rawAccept(nc, s.cfg)
	if err != nil {
		return err
	}
	if err := nc.SetDeadline(time.Time{}); err != nil {
		return err
	}
	s.serve(a, line{nc: nc, kind: RawSocket, format: format, framing: framing, remote: a.remote})
	return nil
}

// serve starts the handler on a connection whose handshake is done.
func (s *Server) serve(a *arrival, l line) {
	s.Stats.Accepted.Add(1)
	p := newPeer(l, s.cfg, &s.Stats, s.watcher)
	p.from = a.from
	s.leaveHandshake(a)
	go s.run(p)
}

// run is a goroutine of its own, so that what the handshake needed is free while the session lives.
func (s *Server) run(p *peer) {
	s.Handler(p)
	s.over(p)
}

// over ends a connection whose handler has returned.
func (s *Server) over(p *peer) {
	p.Close()
	<-p.done
	s.leave(p.from)
	s.handlers.Done()
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
