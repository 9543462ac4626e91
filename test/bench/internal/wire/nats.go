package wire

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// natsCodec makes requests as the usual clients do: one subscription for all answers to a
// connection, and a subject of its own for each.
type natsCodec struct {
	inbox  []byte // with the dot before the token
	text   []byte
	before []byte // PUB up to the token of the reply subject
	after  []byte
}

var errNATS = errors.New("not a message of NATS")

func newNATS(n int, text string) *natsCodec {
	inbox := fmt.Sprintf("_INBOX.%022d.", n)
	return &natsCodec{
		inbox:  []byte(inbox),
		text:   []byte(text),
		before: []byte("PUB " + Procedure + " " + inbox),
		after:  []byte(" " + strconv.Itoa(len(text)) + "\r\n" + text + "\r\n"),
	}
}

func (c *natsCodec) Join(dst []byte) []byte {
	dst = append(dst, `CONNECT {"verbose":false,"pedantic":false,"lang":"bench","version":"1","protocol":1,"headers":true,"no_responders":true}`...)
	dst = append(dst, "\r\nSUB "...)
	dst = append(dst, c.inbox...)
	return append(dst, "* 1\r\nPING\r\n"...)
}

func (c *natsCodec) Serve(dst []byte) []byte {
	return append(dst, "SUB "+Procedure+" "+group+" 2\r\nPING\r\n"...)
}

func (c *natsCodec) Call(dst []byte, id uint64) []byte {
	dst = append(dst, c.before...)
	dst = strconv.AppendUint(dst, id, 36)
	return append(dst, c.after...)
}

func (c *natsCodec) Answer(dst []byte, m *Message) []byte {
	dst = append(append(dst, "PUB "...), m.Reply...)
	dst = strconv.AppendInt(append(dst, ' '), int64(len(m.Rest)), 10)
	dst = append(append(dst, "\r\n"...), m.Rest...)
	return append(dst, "\r\n"...)
}

func (c *natsCodec) Pong(dst []byte, _ *Message) []byte { return append(dst, "PONG\r\n"...) }

func (c *natsCodec) Parse(b []byte) (m Message, used int, err error) {
	line := bytes.IndexByte(b, '\n') + 1
	if line == 0 {
		return m, 0, nil
	}
	switch b[0] {
	case 'M', 'H': // MSG subject sid [reply] size, HMSG subject sid [reply] header-size size
		return c.parseMessage(b, line)
	case 'P':
		if m.Kind = Ping; b[1] == 'O' {
			m.Kind = Done
		}
	case '-':
		return m, line, fmt.Errorf("the server says %q", b[:line-2])
	case 'I', '+':
	default:
		return m, line, errNATS
	}
	return m, line, nil
}

func (c *natsCodec) parseMessage(b []byte, line int) (m Message, used int, err error) {
	var words [6][]byte
	n := 0
	for rest := b[:line-2]; len(rest) > 0 && n < len(words); n++ {
		i := bytes.IndexByte(rest, ' ')
		if i < 0 {
			i = len(rest)
		}
		words[n], rest = rest[:i], rest[min(i+1, len(rest)):]
	}
	if n < 4 {
		return m, line, errNATS
	}
	size, _ := digits(append(words[n-1], '\r'), 0) // the \r that follows anyway ends the number
	if used = line + int(size) + 2; len(b) < used {
		return m, 0, nil
	}
	m.Rest = b[line : line+int(size)]
	if !bytes.HasPrefix(words[1], c.inbox) {
		m.Kind, m.Reply = Invocation, words[3]
		return m, used, nil
	}
	for _, digit := range words[1][len(c.inbox):] {
		if digit >= 'a' {
			digit -= 'a' - '9' - 1
		}
		m.ID = 36*m.ID + uint64(digit-'0')
	}
	switch {
	case b[0] == 'H':
		m.Kind, m.Reason = Failure, "no responders"
	case !bytes.Equal(m.Rest, c.text):
		m.Kind, m.Reason = Failure, "another result than was asked for"
	default:
		m.Kind = Result
	}
	return m, used, nil
}
