package session_test

import (
	"context"
	"encoding/binary"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/router/auth"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/session"
	"github.com/wamp-operator/wamp-operator/router/transport"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// lobby admits everybody, to the realm "locked" those with the ticket, and counts.
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
	if hello.Realm == "locked" {
		ticket, _, refusal := s.Challenge("ticket", map[string]any{"hint": "the usual"})
		switch {
		case refusal != nil:
			return nil, refusal
		case ticket != "sesame":
			return nil, &session.Refusal{URI: wamp.ErrAuthenticationDenied, Message: "no"}
		}
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

func TestChallenge(t *testing.T) {
	hello := wamptest.Hello("locked", wamp.JSON)
	answer := func(ticket string) *wamp.Message { return &wamp.Message{Type: wamp.Authenticate, Text: ticket} }
	call := &wamp.Message{Type: wamp.Call, Request: 1, URI: "com.x"}
	for name, c := range map[string]struct {
		feed []*wamp.Message
		last wamp.MessageType
		uri  string
	}{
		"right":            {[]*wamp.Message{answer("sesame"), call}, wamp.Welcome, ""},
		"wrong":            {[]*wamp.Message{answer("open"), call}, wamp.Abort, wamp.ErrAuthenticationDenied},
		"twice":            {[]*wamp.Message{answer("sesame"), answer("sesame")}, wamp.Abort, wamp.ErrProtocolViolation},
		"another HELLO":    {[]*wamp.Message{hello, answer("sesame")}, wamp.Abort, wamp.ErrProtocolViolation},
		"no answer, CALL":  {[]*wamp.Message{call, answer("sesame")}, wamp.Abort, wamp.ErrProtocolViolation},
		"the client stops": {[]*wamp.Message{{Type: wamp.Abort, URI: "com.x"}}, wamp.Challenge, ""},
		"lost":             {nil, wamp.Challenge, ""},
	} {
		t.Run(name, func(t *testing.T) {
			l, conn := newLobby(), wamptest.NewConn(wamp.JSON)
			for _, m := range append([]*wamp.Message{hello}, c.feed...) {
				conn.FeedMessage(m)
			}
			conn.Hangup()
			run(t.Context(), conn, l)
			sent := conn.Sent()
			if first := sent[0]; first.Type != wamp.Challenge || first.Text != "ticket" || wamptest.Details(first)["hint"] != "the usual" {
				t.Errorf("asked with %v", first)
			}
			last := sent[len(sent)-1]
			if last.Type != c.last || last.URI != c.uri || !conn.Closed() {
				t.Errorf("last %v %s, want %v %s", last.Type, last.URI, c.last, c.uri)
			}
			if in := name == "right" || name == "twice"; (l.left == 1) != in || l.handled > 0 && name != "right" {
				t.Errorf("handled %d, left %d", l.handled, l.left)
			}
		})
	}
}

// Time for the answer to a challenge is that of the handshake.
func TestChallengeExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, conn := newLobby(), wamptest.NewConn(wamp.JSON)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			run(t.Context(), conn, l)
		}()
		conn.FeedMessage(wamptest.Hello("locked", wamp.JSON))
		time.Sleep(11 * time.Second)
		synctest.Wait()
		sent := conn.Sent()
		if len(sent) != 2 || sent[1].Type != wamp.Abort || sent[1].URI != wamp.ErrTimeout || !conn.Closed() {
			t.Errorf("sent %v, closed %v", sent, conn.Closed())
		}
		conn.FeedMessage(&wamp.Message{Type: wamp.Authenticate, Text: "sesame"})
		conn.Hangup()
		<-ended
		if l.left != 0 || len(conn.Sent()) != 0 {
			t.Error("a late AUTHENTICATE was answered")
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
			frames = append(binary.BigEndian.AppendUint16(frames, uint16(len(frame))), frame...)
		}
		f.Add(byte(format), frames)
	}
	for _, format := range wamp.Formats {
		seed(format, wamptest.Hello("realm1", format), &wamp.Message{Type: wamp.Call, Request: 1, URI: "com.x"}, &wamp.Message{Type: wamp.Goodbye, URI: "x"})
		seed(format, wamptest.Hello("nowhere", format))
		seed(format, wamptest.Hello("locked", format), &wamp.Message{Type: wamp.Authenticate, Text: "sesame"}, &wamp.Message{Type: wamp.Call, Request: 1, URI: "com.x"})
		seed(format, wamptest.Hello("locked", format), &wamp.Message{Type: wamp.Authenticate, Text: "open"})
		seed(format, wamptest.Hello("realm1", format), &wamp.Message{Type: wamp.Error, Of: wamp.Invocation, Request: 1, URI: "com.x"})
	}
	f.Fuzz(func(t *testing.T, format byte, frames []byte) {
		conn := wamptest.NewConn(wamp.Formats[int(format)%len(wamp.Formats)])
		for n := 0; len(frames) >= 2 && n < 1000; n++ {
			size := min(int(binary.BigEndian.Uint16(frames)), len(frames)-2)
			conn.Feed(frames[2 : 2+size])
			frames = frames[2+size:]
		}
		conn.Hangup()
		l := newLobby()
		run(t.Context(), conn, l)
		joined, asked, aborted := 0, 0, false
		for _, m := range conn.Sent() {
			if aborted {
				t.Fatalf("%v after ABORT", m.Type)
			}
			switch m.Type {
			case wamp.Welcome:
				joined++
			case wamp.Challenge:
				asked++
			case wamp.Abort:
				aborted = true
			}
		}
		if asked > 1 || l.handled > 0 && joined == 0 {
			t.Fatalf("asked %d times, handled %d outside of a session", asked, l.handled)
		}
		if joined != l.left || joined > 1 || !conn.Closed() {
			t.Fatalf("joined %d times, left %d times, closed %v", joined, l.left, conn.Closed())
		}
	})
}

// Going away reaches such a client at every stage of its session, and nothing is handled after it.
func TestGoAwayWithoutGoodbye(t *testing.T) {
	for realm, sent := range map[string]wamp.MessageType{"locked": wamp.Challenge, "realm1": wamp.Welcome} {
		synctest.Test(t, func(t *testing.T) {
			l, conn := newLobby(), wamptest.NewConnOf(wamp.JSON, transport.Info{Protocol: transport.WebSocket, Header: http.Header{}})
			s := session.New(t.Context(), session.Config{Agent: "test"}, conn)
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				s.Run(l)
			}()
			conn.FeedMessage(wamptest.Hello(realm, wamp.JSON))
			synctest.Wait()
			s.GoAway()
			conn.FeedMessage(&wamp.Message{Type: wamp.Call, Request: 1, URI: "com.x"})
			conn.Hangup()
			<-ended
			if got := conn.Sent(); len(got) != 1 || got[0].Type != sent || conn.CloseCode() != transport.CloseGoingAway || l.handled != 0 {
				t.Errorf("%s: sent %v, closed with %d, %d messages handled", realm, got, conn.CloseCode(), l.handled)
			}
		})
	}
}
