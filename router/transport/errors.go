package transport

import (
	"errors"
	"fmt"
)

var (
	// ErrClosed: the connection was closed on this side.
	ErrClosed = errors.New("the connection is closed")
	// ErrOverflow: more than HardLimit bytes would wait for a peer that does not take them.
	ErrOverflow = errors.New("the peer reads too slowly: the outbound limit is reached")
	// ErrTooLarge: the message is larger than the peer said it accepts.
	ErrTooLarge = errors.New("the message is larger than the peer accepts")
	// ErrStalled: the peer took no bytes for WriteTimeout.
	ErrStalled = errors.New("the peer stopped reading")
	// ErrSilent: the peer did not answer keepalive pings.
	ErrSilent = errors.New("the peer did not answer two pings")
	// ErrServerClosed is what Serve returns after Shutdown.
	ErrServerClosed = errors.New("the server is shut down")
)

// CloseCode is a WebSocket close code (RFC 6455, section 7.4).
type CloseCode uint16

const (
	CloseNormal        CloseCode = 1000
	CloseGoingAway     CloseCode = 1001
	CloseProtocolError CloseCode = 1002
	CloseUnsupported   CloseCode = 1003
	CloseNoStatus      CloseCode = 1005 // never on the wire
	CloseInvalidData   CloseCode = 1007
	ClosePolicy        CloseCode = 1008
	CloseTooBig        CloseCode = 1009
	CloseInternal      CloseCode = 1011
)

// sendable says whether the code may stand in a close frame.
func (c CloseCode) sendable() bool {
	return c >= 1000 && c <= 1014 && c != 1004 && c != 1005 && c != 1006 || c >= 3000 && c <= 4999
}

// CloseError says that the peer closed the WebSocket, and how.
type CloseError struct {
	Code   CloseCode
	Reason string
}

func (e *CloseError) Error() string {
	return fmt.Sprintf("the peer closed the connection: code %d %q", e.Code, e.Reason)
}

// ProtocolError says how the peer broke the rules of the transport.
type ProtocolError struct {
	Code   CloseCode // what to close a WebSocket with
	Reason string    // a sentence without a full stop
}

func (e *ProtocolError) Error() string { return e.Reason }

func protocolError(code CloseCode, format string, args ...any) error {
	return &ProtocolError{Code: code, Reason: fmt.Sprintf(format, args...)}
}

// closeCode is the code and reason to close with after ReadMessage returned err.
func closeCode(err error) (CloseCode, string) {
	var pe *ProtocolError
	var ce *CloseError
	switch {
	case errors.As(err, &pe):
		return pe.Code, pe.Reason
	case errors.As(err, &ce) && ce.Code.sendable():
		return ce.Code, ""
	}
	return CloseNormal, ""
}
