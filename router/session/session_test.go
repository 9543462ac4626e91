package session_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/router/auth"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/session"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// lobby admits everybody and counts.
type lobby struct {
	access        atomic.Pointer[auth.Realm]
	handled, left int
}

func newLobby() *lobby {
	l := &lobby{}
	l.access.Store(auth.Compile(&v1alpha1.WampRealm{Spec: v1alpha1.WampRealmSpec{
		Anonymous: &v1alpha1.AnonymousAccess{Role: "guest"}, Roles: []v1alpha1.Role{{Name: "guest"}},
	}}))
	return l
}

func (l *lobby) Join(s *session.Session, hello session.Hello) (session.Peer, *session.Refusal) {
	if hello.Realm == "nowhere" {
		return nil, &session.Refusal{URI: wamp.ErrNoSuchRealm, Message: "no"}
	}
	s.ID, s.Realm, s.Access = 7, hello.Realm, &l.access
	s.Identity, _ = l.access.Load().Admit(s.Joining(), &auth.Attempt{Guest: "someone"})
	return l, nil
}

func (l *lobby) Handle(*wamp.Message) { l.handled++ }
func (l *lobby) Leave()               { l.left++ }

func run(ctx context.Context, conn *wamptest.Conn, l *lobby) *session.Session {
	s := session.New(ctx, session.Config{Agent: "test"}, conn)
	s.Run(l)
	return s
}

func TestSessionEndsOnceHoweverItEnds(t *testing.T) {
	goodbye := &wamp.Message{Type: wamp.Goodbye, URI: wamp.CloseNormal}
	call := &wamp.Message{Type: wamp.Call, Request: 1, URI: "com.x"}
	for name, end := range map[string]struct {
		feed *wamp.Message // nil: the connection is lost
		last wamp.MessageType
	}{
		"lost":     {nil, wamp.Welcome},
		"goodbye":  {goodbye, wamp.Goodbye},
		"abort":    {&wamp.Message{Type: wamp.Abort, URI: "com.x"}, wamp.Welcome},
		"violates": {call, wamp.Abort}, // the id again
	} {
		t.Run(name, func(t *testing.T) {
			l, conn := newLobby(), wamptest.NewConn(wamp.CBOR)
			conn.FeedMessage(wamptest.Hello("realm1", wamp.CBOR))
			conn.FeedMessage(call)
			if end.feed != nil {
				conn.FeedMessage(end.feed)
			}
			conn.Hangup()
			run(t.Context(), conn, l)
			sent := conn.Sent()
			if l.handled != 1 || l.left != 1 || !conn.Closed() || sent[len(sent)-1].Type != end.last {
				t.Errorf("handled %d, left %d, closed %v, last %v", l.handled, l.left, conn.Closed(), sent[len(sent)-1].Type)
			}
		})
	}
}

func TestHandshakeExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, conn := newLobby(), wamptest.NewConn(wamp.JSON)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			run(t.Context(), conn, l)
		}()
		time.Sleep(11 * time.Second) // the bubble's clock
		synctest.Wait()
		sent := conn.Sent()
		if len(sent) != 1 || sent[0].Type != wamp.Abort || sent[0].URI != wamp.ErrTimeout || !conn.Closed() {
			t.Errorf("sent %v, closed %v", sent, conn.Closed())
		}
		conn.FeedMessage(wamptest.Hello("realm1", wamp.JSON)) // too late
		conn.Hangup()
		<-ended
		if l.left != 0 || len(conn.Sent()) != 0 {
			t.Error("a late HELLO was answered")
		}
	})
}

func TestRouterSaysGoodbye(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, answers := range []bool{true, false} {
			l, conn := newLobby(), wamptest.NewConn(wamp.JSON)
			s := session.New(t.Context(), session.Config{}, conn)
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				s.Run(l)
			}()
			conn.FeedMessage(wamptest.Hello("realm1", wamp.JSON))
			synctest.Wait()
			s.Goodbye(wamp.CloseSystemShutdown)
			s.Goodbye(wamp.CloseSystemShutdown)
			if sent := conn.Sent(); len(sent) != 2 || sent[1].Type != wamp.Goodbye || s.Open() {
				t.Errorf("sent %v", sent)
			}
			if answers {
				conn.FeedMessage(&wamp.Message{Type: wamp.Goodbye, URI: wamp.CloseGoodbyeAndOut})
				<-ended
			} else {
				time.Sleep(2 * time.Second)
				synctest.Wait()
			}
			if !conn.Closed() {
				t.Errorf("the connection is open, answer %v", answers)
			}
			if !answers {
				conn.Hangup()
				<-ended
			}
			if l.left != 1 || len(conn.Sent()) != 0 {
				t.Errorf("left %d", l.left)
			}
		}
	})
}

// Whatever frames arrive, the session does not panic, leaves as often as it joined, closes, and
// says nothing after ABORT.
func FuzzSession(f *testing.F) {
	seed := func(format wamp.Format, messages ...*wamp.Message) {
		var frames []byte
		for _, m := range messages {
			frame := wamp.Append(nil, format, m)
			frames = append(append(frames, byte(len(frame))), frame...)
		}
		f.Add(byte(format), frames)
	}
	for _, format := range wamp.Formats {
		seed(format, wamptest.Hello("realm1", format), &wamp.Message{Type: wamp.Call, Request: 1, URI: "com.x"}, &wamp.Message{Type: wamp.Goodbye, URI: "x"})
		seed(format, wamptest.Hello("nowhere", format))
		seed(format, wamptest.Hello("realm1", format), &wamp.Message{Type: wamp.Error, Of: wamp.Invocation, Request: 1, URI: "com.x"})
	}
	f.Fuzz(func(t *testing.T, format byte, frames []byte) {
		conn := wamptest.NewConn(wamp.Formats[int(format)%len(wamp.Formats)])
		for n := 0; len(frames) > 0 && n < 1000; n++ {
			size := min(int(frames[0]), len(frames)-1)
			conn.Feed(frames[1 : 1+size])
			frames = frames[1+size:]
		}
		conn.Hangup()
		l := newLobby()
		run(t.Context(), conn, l)
		joined, aborted := 0, false
		for _, m := range conn.Sent() {
			if aborted {
				t.Fatalf("%v after ABORT", m.Type)
			}
			switch m.Type {
			case wamp.Welcome:
				joined++
			case wamp.Abort:
				aborted = true
			}
		}
		if joined != l.left || joined > 1 || !conn.Closed() {
			t.Fatalf("joined %d times, left %d times, closed %v", joined, l.left, conn.Closed())
		}
	})
}
