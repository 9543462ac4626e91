package cluster

import (
	"bytes"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A replica knows until when the other one has heard it, and is not told too much when only its own
// messages are lost: an owner in Majority mode relies on it.
func TestBeatsTellWhatWasHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var deaf atomic.Bool
		here, there := linkPair(func(c net.Conn) net.Conn { return &deafConn{Conn: c, deaf: &deaf} })
		var heard atomic.Int64
		var wg sync.WaitGroup
		wg.Go(func() { _ = here.run(quiet(func(sent time.Time) { heard.Store(steady(sent)) })) })
		wg.Go(func() { _ = there.run(quiet(func(time.Time) {})) })
		for range 20 {
			time.Sleep(3 * heartbeat)
			if age := steady(time.Now()) - heard.Load(); age < 0 || age > int64(2*heartbeat) {
				t.Fatalf("what came back was sent %v ago", time.Duration(age))
			}
		}
		deaf.Store(true)
		cut := steady(time.Now())
		time.Sleep(breakAfter - heartbeat)
		if late := heard.Load() - cut; late > 0 {
			t.Errorf("what was sent %v after the cut counts as heard", time.Duration(late))
		}
		if here.isClosed() {
			t.Error("the side that hears gave up first")
		}
		time.Sleep(2 * heartbeat)
		if !there.isClosed() {
			t.Error("the side that hears nothing keeps the link")
		}
		wg.Wait()
	})
}

// A heartbeat that does not fit ends the link: the other side is not what it says.
func TestBeatRefused(t *testing.T) {
	for name, b := range map[string][]byte{
		"short":          appendBeat(nil, beat{sent: 1})[:beatSize-1],
		"long":           append(appendBeat(nil, beat{sent: 1}), 0),
		"of the future":  appendBeat(nil, beat{sent: 1, echo: 1 << 62}),
		"another kind":   append([]byte{byte(kindAck)}, make([]byte, beatSize-1)...),
		"nothing at all": {},
	} {
		l := &link{since: time.Now()}
		if l.onBeat(b, func(time.Time) { t.Errorf("%s: it was taken", name) }) == nil {
			t.Errorf("%s: not refused", name)
		}
	}
}

func FuzzBeat(f *testing.F) {
	f.Add(appendBeat(nil, beat{sent: 1, echo: 2}))
	f.Add([]byte{0})
	f.Fuzz(func(t *testing.T, b []byte) {
		x, err := parseBeat(b)
		if err == nil && !bytes.Equal(appendBeat(nil, x), b) {
			t.Fatalf("%x was read as %+v", b, x)
		}
	})
}

// linkPair is a link between two members, one of whom may be made deaf.
func linkPair(wrap func(net.Conn) net.Conn) (here, there *link) {
	a, b := net.Pipe()
	c, d := net.Pipe()
	return newLink("b.1", "b", newStream(a, maxControl), newStream(c, maxFrame)),
		newLink("a.1", "a", newStream(wrap(b), maxControl), newStream(wrap(d), maxFrame))
}

func quiet(heardUp func(time.Time)) linkUser {
	return linkUser{messages: func([]message) {}, frame: func(*frame) {}, silent: func(bool) {}, heardUp: heardUp}
}

func (l *link) isClosed() bool {
	select {
	case <-l.done:
		return true
	default:
		return false
	}
}

// deafConn loses what arrives.
type deafConn struct {
	net.Conn
	deaf *atomic.Bool
}

func (c *deafConn) Read(b []byte) (int, error) {
	for {
		n, err := c.Conn.Read(b)
		if err != nil || !c.deaf.Load() {
			return n, err
		}
	}
}
