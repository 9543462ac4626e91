package transport

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"time"
)

// arrival is a connection from its acceptance to the end of its handshake; for one that serves HTTP
// requests, to its end.
type arrival struct {
	nc     net.Conn  // as accepted
	tls    *tls.Conn // nil in the clear
	remote net.Addr  // the client's end, as a trusted proxy tells it
	from   netip.Prefix
	local  bool        // a Unix socket
	useful bool        // served a long-poll request: its end is no refusal
	late   atomic.Bool // it took longer than the handshake may
}

// turnAwayAtOnce is how many connections beyond a limit are told so at the same time. More of them
// are cut without a word: refusing must stay cheap.
const turnAwayAtOnce = 64

// turnAwayTimeout bounds how long one takes.
const turnAwayTimeout = time.Second

// overLimit is why a connection, or a long-poll session, is one too many.
type overLimit string

const (
	overTotal   overLimit = "This router has as many connections as it may hold. Try again later."
	overAddress overLimit = "This router has as many connections from your address as it may hold."
)

func (o overLimit) Error() string { return string(o) }

// admit starts the handshake of a new connection.
func (s *Server) admit(nc net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = nc.Close()
		return
	}
	a := &arrival{nc: nc, remote: nc.RemoteAddr(), local: nc.LocalAddr().Network() == "unix"}
	if err := s.takePlace(); err != nil {
		s.Stats.RefusedFull.Add(1)
		s.turnAway(a, err)
		return
	}
	s.shaking[nc] = struct{}{}
	s.handlers.Add(1)
	go func() {
		err := s.handshake(a)
		if over := overLimit(""); errors.As(err, &over) {
			if s.turning.Add(1) <= turnAwayAtOnce {
				s.answer(a, over)
			}
			s.turning.Add(-1)
		}
		if err != nil {
			s.refuse(a, err)
		}
	}()
}

// takePlace counts a connection, unless there are too many.
func (s *Server) takePlace() error {
	if n := s.Stats.Open.Add(1); s.cfg.MaxConnections > 0 && n > int64(s.cfg.MaxConnections) {
		s.Stats.Open.Add(-1)
		return overTotal
	}
	return nil
}

// introduced reads the PROXY header, where there is to be one.
func (s *Server) introduced(a *arrival) error {
	if a.local || !s.cfg.proxied(a.remote) {
		return nil
	}
	client, err := readProxyHeader(a.nc)
	if err == nil && client != nil {
		a.remote = client
	}
	return err
}

// fromAddress counts the connection for its address, unless there are too many.
func (s *Server) fromAddress(a *arrival) error {
	ip := addressOf(a.remote)
	if s.cfg.MaxPerAddress <= 0 || a.local || !ip.IsValid() {
		return nil
	}
	bits := 32
	if ip.Is6() {
		bits = 64
	}
	network := netip.PrefixFrom(ip, bits).Masked()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.addresses[network] >= s.cfg.MaxPerAddress {
		s.Stats.RefusedAddress.Add(1)
		return overAddress
	}
	s.addresses[network]++
	a.from = network
	return nil
}

// leave gives back what takePlace and fromAddress counted.
func (s *Server) leave(from netip.Prefix) {
	s.Stats.Open.Add(-1)
	if !from.IsValid() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.addresses[from]--; s.addresses[from] == 0 {
		delete(s.addresses, from)
	}
}

// leaveHandshake takes the connection out of those that Shutdown may cut at once.
func (s *Server) leaveHandshake(a *arrival) {
	s.mu.Lock()
	delete(s.shaking, a.nc)
	s.mu.Unlock()
}

// refuse ends a connection whose handshake failed.
func (s *Server) refuse(a *arrival, err error) {
	s.leaveHandshake(a)
	_ = a.nc.Close()
	if !a.useful {
		s.Log.Debug("handshake failed", "remote", a.remote, "error", err)
		s.Stats.Refused.Add(1)
		var late net.Error
		if a.late.Load() || errors.As(err, &late) && late.Timeout() {
			s.Stats.RefusedSlow.Add(1)
		}
	}
	s.leave(a.from)
	s.handlers.Done()
}

// turnAway refuses a connection that found no place. Called with mu held.
func (s *Server) turnAway(a *arrival, err error) {
	s.Stats.Refused.Add(1)
	if s.turning.Add(1) > turnAwayAtOnce {
		s.turning.Add(-1)
		_ = a.nc.Close()
		return
	}
	s.shaking[a.nc] = struct{}{}
	s.handlers.Add(1)
	go func() {
		defer s.handlers.Done()
		defer s.turning.Add(-1)
		defer s.leaveHandshake(a)
		defer a.nc.Close()
		if a.nc.SetDeadline(time.Now().Add(turnAwayTimeout)) == nil && s.introduced(a) == nil {
			s.answer(a, err)
		}
	}()
}

// answer tells a client why it is refused, in the words of its transport, and waits a moment for its
// end, so that the words are not lost in a reset.
func (s *Server) answer(a *arrival, why error) {
	if a.nc.SetDeadline(time.Now().Add(turnAwayTimeout)) != nil || s.secure(a) != nil {
		return
	}
	nc := a.stream()
	var first [1]byte
	if _, err := nc.Read(first[:]); err != nil {
		return
	}
	switch {
	case first[0] == rawMagic:
		_, _ = nc.Write([]byte{rawMagic, rawErrConnections << 4, 0, 0})
	case isMethodStart(first[0]):
		_, _ = fmt.Fprintf(nc, "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\n"+
			"Content-Length: %d\r\nRetry-After: 5\r\nConnection: close\r\n\r\n%s\n", len(why.Error())+1, why)
	default:
		return
	}
	if half, ok := nc.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		drain(nc)
	}
}

// stream is what the client's bytes are read from.
func (a *arrival) stream() net.Conn {
	if a.tls != nil {
		return a.tls
	}
	return a.nc
}
