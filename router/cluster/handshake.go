package cluster

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/fxamacker/cbor/v2"
)

const handshakeWait = 3 * time.Second

var errSilent = errors.New("nothing was heard on the link for " + breakAfter.String())

// linkHello is the first frame on each connection of a link, from the side that dialed.
type linkHello struct {
	// Least and Most are the versions that the sender speaks; those until 2 sent no Most.
	Least   int      `cbor:"1,keyasint"`
	Cluster string   `cbor:"2,keyasint"`
	From    MemberID `cbor:"3,keyasint"`
	Replica string   `cbor:"4,keyasint"`
	To      MemberID `cbor:"5,keyasint"`
	// Link is the same number on both connections of a link.
	Link  uint64 `cbor:"6,keyasint"`
	Calls bool   `cbor:"7,keyasint"`
	Most  int    `cbor:"8,keyasint"`
	// Relay asks to be connected to another member: what follows is for that one.
	Relay MemberID `cbor:"9,keyasint,omitempty"`
	// Via is the replica that relays this connection.
	Via string `cbor:"10,keyasint,omitempty"`
	// Move: this connection takes the place of one of the link with this number, which stands.
	Move bool `cbor:"11,keyasint,omitempty"`
}

func (h *linkHello) protocols() protocols { return protocols{h.Least, max(h.Least, h.Most)} }

// linkWelcome answers it.
type linkWelcome struct {
	Refused string `cbor:"1,keyasint,omitempty"`
	// Protocol is the version that both sides speak from now on.
	Protocol int `cbor:"2,keyasint,omitempty"`
}

func writeHandshake(s *stream, v any) error {
	b, err := cbor.Marshal(v)
	if err != nil {
		return err
	}
	frame := append([]byte{0, 0, byte(len(b) >> 8), byte(len(b))}, b...)
	_, err = s.conn.Write(frame)
	return err
}

func readHandshake(s *stream, v any) error {
	limit := s.in.max
	s.in.max = 4 << 10
	defer func() { s.in.max = limit }()
	b, err := s.in.next()
	if err != nil {
		return err
	}
	return cbor.Unmarshal(b, v)
}

// dialStream opens one connection of a link and introduces this replica on it.
func dialStream(ctx context.Context, f fabric, addr string, config *tls.Config, h linkHello) (*stream, error) {
	conn, err := dialWithin(ctx, f, addr)
	if err != nil {
		return nil, err
	}
	return introduce(ctx, conn, config, h)
}

// introduce introduces this replica on a new connection.
func introduce(ctx context.Context, conn net.Conn, config *tls.Config, h linkHello) (*stream, error) {
	bare := conn // conn may be another by the time that ctx ends
	defer context.AfterFunc(ctx, func() { _ = bare.SetDeadline(time.Unix(1, 0)) })()
	if config != nil {
		conn = tls.Client(conn, config)
	}
	limit := uint32(maxControl)
	if h.Calls {
		limit = maxFrame
	}
	s := newStream(conn, limit)
	if err := s.introduce(h); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return s, nil
}

func (s *stream) introduce(h linkHello) error {
	if err := s.conn.SetDeadline(time.Now().Add(handshakeWait)); err != nil {
		return err
	}
	if err := writeHandshake(s, h); err != nil {
		return err
	}
	var w linkWelcome
	if err := readHandshake(s, &w); err != nil {
		return err
	}
	if w.Refused != "" {
		return fmt.Errorf("refused by %s: %s", h.To, w.Refused)
	}
	if p := h.protocols(); w.Protocol < p.least || w.Protocol > p.most {
		return fmt.Errorf("%s chose version %d of the link protocol, this replica speaks %s", h.To, w.Protocol, p)
	}
	s.protocol = w.Protocol
	return s.conn.SetDeadline(time.Time{})
}
