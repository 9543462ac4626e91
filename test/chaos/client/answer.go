package client

import (
	"encoding/binary"
	"errors"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Answer is how a request ended.
type Answer struct {
	// ID of REGISTERED and SUBSCRIBED.
	ID wamp.ID
	// Error is the URI of an ERROR.
	Error string
	// Arguments of a RESULT, see Number. They are good until Answered returns.
	Arguments []byte
	// Lost says that no answer came, and why: ErrLost or ErrDismissed.
	Lost error
}

// Receiver is told how a request ended, once: by the goroutine that reads the connection, so it must
// not wait for anything.
type Receiver interface{ Answered(a *Answer) }

// ReceiverFunc is a function as a Receiver.
type ReceiverFunc func(a *Answer)

// Answered implements Receiver.
func (f ReceiverFunc) Answered(a *Answer) { f(a) }

var (
	// ErrLost is the end of a request whose connection broke. Nobody knows whether it was done.
	ErrLost = errors.New("the connection was lost")
	// ErrDismissed is the end of a request that the router left unanswered after it had said
	// GOODBYE and had closed the connection: it answers what it has begun, and does not
	// begin what comes later.
	ErrDismissed = errors.New("the router said GOODBYE before it read the request")
)

// MessagePack, so that numbers are where they are expected to be: an array of up to 15 elements,
// each an unsigned integer of 64 bits.
const (
	array   = 0x90
	integer = 0xcf
	width   = 9
)

// AppendNumbers appends an argument list of at most 15 numbers.
func AppendNumbers(dst []byte, numbers ...uint64) []byte {
	dst = append(dst, array|byte(len(numbers)))
	for _, n := range numbers {
		dst = binary.BigEndian.AppendUint64(append(dst, integer), n)
	}
	return dst
}

// Number is one of the numbers of an argument list that AppendNumbers made; false when it is
// not there.
func Number(arguments []byte, i int) (uint64, bool) {
	at := 1 + i*width
	if len(arguments) < at+width || arguments[at] != integer {
		return 0, false
	}
	return binary.BigEndian.Uint64(arguments[at+1:]), true
}
