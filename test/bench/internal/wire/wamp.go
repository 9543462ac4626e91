package wire

import (
	"bytes"
	"fmt"
)

// Message types of WAMP (basic profile, "Message Codes").
const (
	wampHello      = 1
	wampWelcome    = 2
	wampAbort      = 3
	wampGoodbye    = 6
	wampError      = 8
	wampCall       = 48
	wampResult     = 50
	wampRegister   = 64
	wampRegistered = 65
	wampInvocation = 68
	wampYield      = 70
)

// serialization is MessagePack or JSON.
type serialization interface {
	// parse reads type, id and what else the Kind needs.
	parse(body []byte) (Message, error)
	hello(realm string) []byte
	register(uri, policy string) []byte
	// call gives what stands before and after the id in a CALL, and what a RESULT ends in.
	call(uri, text string) (before, after, ending []byte)
	id(dst []byte, id uint64) []byte
	// yield is a YIELD up to its arguments, which m.Rest has.
	yield(dst []byte, m *Message) []byte
}

type wampCodec struct {
	framing
	s                     serialization
	policy                string
	before, after, ending []byte
	scratch               []byte
}

func newWAMP(f framing, s serialization, text, policy string) *wampCodec {
	c := &wampCodec{framing: f, s: s, policy: policy, scratch: make([]byte, 0, 64)}
	c.before, c.after, c.ending = s.call(Procedure, text)
	return c
}

func (c *wampCodec) Parse(b []byte) (m Message, used int, err error) {
	kind, body, used, err := c.parse(b)
	if used == 0 || err != nil || kind != Other {
		return Message{Kind: kind, Rest: body}, used, err
	}
	if m, err = c.s.parse(body); err != nil {
		return m, used, fmt.Errorf("%w: %.200q", err, body)
	}
	if m.Kind == Result && !bytes.HasSuffix(body, c.ending) {
		m.Kind, m.Reason = Failure, "another result than was asked for"
	}
	return m, used, nil
}

func (c *wampCodec) frame(dst, message []byte) []byte {
	return c.end(append(c.begin(dst, len(message)), message...), len(message))
}

func (c *wampCodec) Join(dst []byte) []byte { return c.frame(dst, c.s.hello(Realm)) }

func (c *wampCodec) Serve(dst []byte) []byte {
	return c.frame(dst, c.s.register(Procedure, c.policy))
}

func (c *wampCodec) Call(dst []byte, id uint64) []byte {
	c.scratch = c.s.id(c.scratch[:0], id)
	n := len(c.before) + len(c.scratch) + len(c.after)
	dst = c.begin(dst, n)
	dst = append(dst, c.before...)
	dst = append(dst, c.scratch...)
	dst = append(dst, c.after...)
	return c.end(dst, n)
}

func (c *wampCodec) Answer(dst []byte, m *Message) []byte {
	c.scratch = c.s.yield(c.scratch[:0], m)
	n := len(c.scratch) + len(m.Rest)
	dst = c.begin(dst, n)
	dst = append(dst, c.scratch...)
	dst = append(dst, m.Rest...)
	return c.end(dst, n)
}

func (c *wampCodec) Pong(dst []byte, m *Message) []byte { return c.pong(dst, m.Rest) }

// kindOf is what a message of WAMP means to whom it reaches.
func kindOf(code uint64) (Kind, error) {
	switch code {
	case wampWelcome, wampRegistered:
		return Done, nil
	case wampInvocation:
		return Invocation, nil
	case wampResult:
		return Result, nil
	case wampError:
		return Failure, nil
	case wampCall:
		return Call, nil
	case wampYield:
		return Yield, nil
	case wampHello:
		return Hello, nil
	case wampRegister:
		return Register, nil
	case wampAbort, wampGoodbye:
		return Other, fmt.Errorf("the server ended the session")
	}
	return Other, fmt.Errorf("a message of type %d", code)
}
