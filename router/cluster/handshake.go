package cluster

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// linkProtocol is the version of what is said on links. A replica that speaks another is
// refused with a line in the log.
const linkProtocol = 2

const handshakeWait = 3 * time.Second

var errSilent = errors.New("nothing was heard on the link for " + breakAfter.String())

// linkHello is the first frame on each connection of a link, from the side that dialed.
type linkHello struct {
	Protocol int      `cbor:"1,keyasint"`
	Cluster  string   `cbor:"2,keyasint"`
	From     MemberID `cbor:"3,keyasint"`
	Replica  string   `cbor:"4,keyasint"`
	To       MemberID `cbor:"5,keyasint"`
	// Link is the same number on both connections of a link.
	Link  uint64 `cbor:"6,keyasint"`
	Calls bool   `cbor:"7,keyasint"`
}

// linkWelcome answers it.
type linkWelcome struct {
	Refused string `cbor:"1,keyasint,omitempty"`
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
	conn, err := f.dial(ctx, addr)
	if err != nil {
		return nil, err
	}
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
	return s.conn.SetDeadline(time.Time{})
}
