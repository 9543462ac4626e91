package transport

import (
	"fmt"
	"io"
	"net"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// RawSocket handshake errors (WAMP basic profile, "RawSocket Transport").
const (
	rawErrSerializer  = 1
	rawErrLength      = 2
	rawErrReserved    = 3
	rawErrConnections = 4
)

var rawErrors = [...]string{
	rawErrSerializer:  "serializer unsupported",
	rawErrLength:      "maximum message length unacceptable",
	rawErrReserved:    "use of reserved bits",
	rawErrConnections: "maximum connection count reached",
}

// rawMinPeerLength is the smallest length code that is any use: WELCOME does not fit into the
// 512 bytes of code 0.
const rawMinPeerLength = 1

// rawAccept answers a client's handshake, of which the first octet has been read. The
// serializer ids 1, 2 and 3 are those of wamp.Format. What cannot become valid is refused as soon as
// that is seen.
func rawAccept(nc net.Conn, cfg *Config) (wamp.Format, *rawFraming, error) {
	var b [3]byte
	n, err := io.ReadAtLeast(nc, b[:], 1)
	if err == nil {
		if err := rawCheck(nc, b); err != nil {
			return 0, nil, err
		}
		_, err = io.ReadFull(nc, b[n:])
	}
	if err != nil {
		return 0, nil, fmt.Errorf("reading the RawSocket handshake: %w", err)
	}
	if err := rawCheck(nc, b); err != nil {
		return 0, nil, err
	}
	format, length := wamp.Format(b[0]&0x0f), b[0]>>4
	own := rawLengthCode(cfg.MaxMessage)
	if _, err := nc.Write([]byte{rawMagic, own<<4 | byte(format), 0, 0}); err != nil {
		return 0, nil, fmt.Errorf("answering a RawSocket handshake: %w", err)
	}
	return format, newRawFraming(own, length), nil
}

// rawCheck refuses a handshake; octets that are not yet there are zero, which is what they must be.
func rawCheck(nc net.Conn, b [3]byte) error {
	refusal := byte(0)
	format, length := wamp.Format(b[0]&0x0f), b[0]>>4
	switch {
	case b[1] != 0 || b[2] != 0:
		refusal = rawErrReserved
	case format < wamp.JSON || format > wamp.CBOR:
		refusal = rawErrSerializer
	case length < rawMinPeerLength:
		refusal = rawErrLength
	default:
		return nil
	}
	_, _ = nc.Write([]byte{rawMagic, refusal << 4, 0, 0})
	return fmt.Errorf("refused a RawSocket handshake: %s", rawErrors[refusal])
}

// rawConnect makes the client's handshake.
func rawConnect(nc net.Conn, cfg *Config, format wamp.Format) (*rawFraming, error) {
	own := rawLengthCode(cfg.MaxMessage)
	if _, err := nc.Write([]byte{rawMagic, own<<4 | byte(format), 0, 0}); err != nil {
		return nil, fmt.Errorf("RawSocket handshake: %w", err)
	}
	var b [4]byte
	if _, err := io.ReadFull(nc, b[:]); err != nil {
		return nil, fmt.Errorf("RawSocket handshake: %w", err)
	}
	code := b[1] >> 4
	switch {
	case b[0] != rawMagic:
		return nil, fmt.Errorf("RawSocket handshake: the other side does not speak RawSocket")
	case b[1]&0x0f == 0 && code > 0 && int(code) < len(rawErrors):
		return nil, fmt.Errorf("RawSocket handshake refused: %s", rawErrors[code])
	case b[1]&0x0f == 0:
		return nil, fmt.Errorf("RawSocket handshake refused: error %d", code)
	case b[1]&0x0f != byte(format) || b[2] != 0 || b[3] != 0:
		return nil, fmt.Errorf("RawSocket handshake: the answer % x makes no sense", b)
	}
	return newRawFraming(own, code), nil
}

func newRawFraming(own, peer byte) *rawFraming {
	return &rawFraming{max: rawLength(own), peerMax: rawLength(peer)}
}
