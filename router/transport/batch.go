package transport

import (
	"bytes"
	"encoding/binary"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// batching is how several WAMP messages share one message of the transport (WAMP advanced profile,
// "Message Batching"). An empty batch is illegal.
type batching uint8

const (
	unbatched    batching = iota
	batchLines            // JSON: each message ends in a separator
	batchLengths          // binary serializations: four octets of length, big-endian, before each
)

const (
	separator = 0x1e // ASCII RS
	// Some versions of Autobahn|Python mistake the octal 30 of an old text for the octet and
	// write 0x18. Neither octet can stand in JSON, so both are understood, and who began
	// with this one is answered with it.
	oldSeparator = 0x18

	batchPrefix = 4        // octets of a length
	batchSize   = 32 << 10 // bytes from which on a batch takes no further message
)

// batchingOf is the batching that a serialization uses when it is batched.
func batchingOf(f wamp.Format) batching {
	if f == wamp.JSON {
		return batchLines
	}
	return batchLengths
}

// split takes the first message off a batch.
func (k batching) split(b []byte) (message, rest []byte, sep byte, err error) {
	if k == batchLines {
		i := bytes.IndexByte(b, separator)
		if old := bytes.IndexByte(b, oldSeparator); i < 0 || old >= 0 && old < i {
			i = old
		}
		if i < 0 {
			return nil, nil, 0, protocolError(CloseInvalidData, "a message of a JSON batch does not end in the octet 0x1e")
		}
		return b[:i:i], b[i+1:], b[i], nil
	}
	if len(b) < batchPrefix {
		return nil, nil, 0, protocolError(CloseInvalidData, "a batch ends in %d octets that are no message", len(b))
	}
	n := uint64(binary.BigEndian.Uint32(b))
	if b = b[batchPrefix:]; n > uint64(len(b)) {
		return nil, nil, 0, protocolError(CloseInvalidData, "a message of a batch says that it has %d bytes, and %d are left", n, len(b))
	}
	return b[:n:n], b[n:], 0, nil
}

// open begins a message of a batch at the end of b.
func (k batching) open(b []byte) []byte {
	if k == batchLengths {
		b = append(b, zeros[:batchPrefix]...)
	}
	return b
}

// close ends the message of a batch that begins at b[start:].
func (k batching) close(b []byte, start int, sep byte) []byte {
	switch k {
	case batchLines:
		b = append(b, sep)
	case batchLengths:
		binary.BigEndian.PutUint32(b[start:], uint32(len(b)-start-batchPrefix))
	}
	return b
}
