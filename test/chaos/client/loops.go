package client

import (
	"fmt"
	"runtime"
	"time"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// write sends what is waiting, until the session has ended. It lets others add to it first: one
// system call for many messages.
func (s *Session) write() {
	var spare []byte
	for {
		select {
		case <-s.wake:
		case <-s.ended:
			return
		}
		runtime.Gosched()
		s.mu.Lock()
		b := s.out
		s.out = spare[:0]
		s.mu.Unlock()
		if len(b) == 0 { // what was there went with the one before
			spare = b
			continue
		}
		if _, err := s.nc.Write(b); err != nil {
			_ = s.nc.Close() // read finds out
		}
		spare = b
	}
}

// read handles what comes, until the connection ends.
func (s *Session) read(in *input) {
	err := s.handle(in)
	_ = s.nc.Close()
	s.mu.Lock()
	s.over, s.why = true, err
	open, lost := s.open, ErrLost
	if s.leaving {
		lost = ErrDismissed
	}
	s.open = nil
	s.mu.Unlock()
	for _, r := range open {
		r.Answered(&Answer{Lost: lost})
	}
	close(s.ended)
}

// Why is the reason for the end of a session that has ended.
func (s *Session) Why() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.why
}

func (s *Session) handle(in *input) error {
	var m wamp.Message
	for {
		kind, content, err := in.next()
		if err != nil {
			return err
		}
		if in.fresh {
			in.fresh = false
			s.heard.Store(time.Now().UnixNano())
		}
		switch kind {
		case messageFrame:
		case pingFrame:
			s.mu.Lock()
			s.out = appendPong(s.out, content)
			s.mu.Unlock()
			s.flush()
			continue
		case pongFrame:
			continue
		default:
			return errFrame
		}
		if err := wamp.Decode(wamp.MessagePack, content, &m); err != nil {
			return err
		}
		if err := s.message(&m); err != nil {
			return err
		}
	}
}

func (s *Session) message(m *wamp.Message) error {
	switch m.Type {
	case wamp.Result:
		return s.answered(m, &Answer{Arguments: m.Payload.Args})
	case wamp.Registered, wamp.Subscribed:
		return s.answered(m, &Answer{ID: m.ID})
	case wamp.Error:
		// The URI is part of what was read, and receivers keep it.
		return s.answered(m, &Answer{Error: known(m.URI)})
	case wamp.Unregistered:
		if m.Request == 0 {
			registration, _ := m.Dict.Uint("registration")
			s.Handler.Revoked(s, wamp.ID(registration))
			return nil
		}
		return s.answered(m, &Answer{})
	case wamp.Invocation:
		s.Handler.Invoked(s, m.Request, m.Payload.Args)
	case wamp.Event:
		s.Handler.Received(s, m.ID, m.Payload.Args)
	case wamp.Goodbye:
		return s.dismiss()
	case wamp.Abort:
		return fmt.Errorf("the router ended the session: %s", m.URI)
	}
	return nil
}

// answered ends a request.
func (s *Session) answered(m *wamp.Message, a *Answer) error {
	s.mu.Lock()
	r, ok := s.open[m.Request]
	delete(s.open, m.Request)
	goodbye := s.leaving && len(s.open) == 0
	s.mu.Unlock()
	if !ok {
		return fmt.Errorf("%s for request %d, which is not open: it was answered twice, or never made", m.Type, m.Request)
	}
	r.Answered(a)
	if goodbye {
		s.farewell()
	}
	return nil
}

// dismiss takes a GOODBYE of the router. The client answers it when it has heard all answers.
func (s *Session) dismiss() error {
	s.mu.Lock()
	already := s.leaving
	s.leaving = true
	waits := len(s.open) > 0
	s.mu.Unlock()
	if already { // it answers ours
		return errGoodbye
	}
	close(s.dismissed)
	_ = s.nc.SetReadDeadline(time.Now().Add(lingering))
	if !waits {
		s.farewell()
	}
	return nil
}

func (s *Session) farewell() {
	s.send(&wamp.Message{Type: wamp.Goodbye, URI: wamp.CloseGoodbyeAndOut})
}
