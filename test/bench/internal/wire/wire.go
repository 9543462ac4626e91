// Package wire speaks, as a client, the protocols that the benchmark compares: WAMP over
// RawSocket with MessagePack, WAMP over WebSocket with JSON, and NATS. It knows just the
// messages of a call and makes them without allocating, so that clients cost alike and little.
package wire

import (
	"fmt"
	"strings"
)

// Protocol is what clients and server speak.
type Protocol string

const (
	Raw  Protocol = "rawsocket/msgpack"
	Web  Protocol = "websocket/json"
	NATS Protocol = "nats"
)

// Kind says what a message is to whom it reaches.
type Kind uint8

const (
	Other      Kind = iota // nothing that needs an answer
	Done                   // WELCOME, REGISTERED, PONG of NATS: what was asked for is done
	Invocation             // a call, at the callee
	Result                 // the answer that a call wants
	Failure                // any other answer
	Ping                   // to be answered with a pong
	Call                   // the rest only reach a server
	Yield
	Hello
	Register
)

// Message is what a client must know of a message. Its slices alias what was parsed.
type Message struct {
	Kind   Kind
	ID     uint64
	Reply  []byte // NATS: the subject that the answer goes to
	Count  int    // WAMP, MessagePack: how many elements are in Rest
	Rest   []byte // the arguments as they arrived
	Reason string // of a Failure
}

// Codec is one connection's protocol. Parse returns zero when b holds no whole message yet; the
// other methods append to dst.
type Codec interface {
	Parse(b []byte) (m Message, used int, err error)
	Join(dst []byte) []byte
	Serve(dst []byte) []byte
	Call(dst []byte, id uint64) []byte
	Answer(dst []byte, m *Message) []byte
	Pong(dst []byte, m *Message) []byte
}

const (
	// Realm is what WAMP clients join.
	Realm = "realm1"
	// Procedure is what is called; for NATS it is a subject.
	Procedure = "com.example.echo"
	// group is the queue group of NATS.
	group = "callees"
)

// NewCodec makes the codec of connection number n, whose calls carry a text of size bytes.
// Callees are called by the policy (WAMP only; a queue group is always random).
func NewCodec(p Protocol, n, size int, policy string) (Codec, error) {
	text := strings.Repeat("sixteen letters.", (size+15)/16)[:size]
	switch p {
	case Raw:
		return newWAMP(framing{}, msgpack{}, text, policy), nil
	case Web:
		return newWAMP(newWebSocket(n), jsonText{}, text, policy), nil
	case NATS:
		return newNATS(n, text), nil
	}
	return nil, fmt.Errorf("unknown protocol %q", p)
}
