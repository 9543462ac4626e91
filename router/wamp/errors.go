package wamp

import (
	"errors"
	"fmt"
)

// DecodeError says why a frame is not a WAMP message. The peer broke the protocol: the answer
// is ABORT with [ErrProtocolViolation] and Error() as its message.
type DecodeError struct {
	Format Format
	Type   MessageType // 0 when the type itself could not be read
	Offset int         // bytes from the start of the frame
	Reason string      // a sentence without a full stop
}

// Error is one line for people.
func (e *DecodeError) Error() string {
	if e.Type == 0 {
		return fmt.Sprintf("not a WAMP message in %s: at byte %d: %s", e.Format, e.Offset, e.Reason)
	}
	return fmt.Sprintf("malformed %s in %s: at byte %d: %s", e.Type, e.Format, e.Offset, e.Reason)
}

// ErrUnrepresentable is in the chain of every error that In returns for a value that is good
// in one serialization and cannot be said in another: a map key that is no string, an
// extension type, an infinite number for JSON.
var ErrUnrepresentable = errors.New("value has no equal in the other serialization")
