package session

import (
	"errors"
	"testing"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

func open(t *testing.T) *Protocol {
	t.Helper()
	p := &Protocol{}
	if step, err := p.Receive(&wamp.Message{Type: wamp.Hello}); step != Admit || err != nil {
		t.Fatalf("HELLO: %v, %v", step, err)
	}
	if !p.Joined() {
		t.Fatal("cannot join")
	}
	return p
}

func TestSessionBeginsWithHello(t *testing.T) {
	for kind := range wamp.MessageType(80) {
		p := &Protocol{}
		step, err := p.Receive(&wamp.Message{Type: kind, Request: 1})
		switch kind {
		case wamp.Hello:
			if step != Admit || err != nil {
				t.Errorf("%v: %v, %v", kind, step, err)
			}
		case wamp.Abort, wamp.Goodbye:
			if step != Close || err != nil {
				t.Errorf("%v: %v, %v", kind, step, err)
			}
		default:
			var v *Violation
			if !errors.As(err, &v) {
				t.Errorf("%v before HELLO: %v, %v", kind, step, err)
			}
		}
	}
}

func TestOpenSessionTakesOnlyClientMessages(t *testing.T) {
	good := map[wamp.MessageType]Step{
		wamp.Call: Handle, wamp.Register: Handle, wamp.Unregister: Handle, wamp.Publish: Handle,
		wamp.Subscribe: Handle, wamp.Unsubscribe: Handle, wamp.Yield: Handle, wamp.Error: Handle,
		wamp.Cancel: Handle, wamp.Goodbye: Farewell, wamp.Abort: Close,
	}
	for kind := range wamp.MessageType(80) {
		step, err := open(t).Receive(&wamp.Message{Type: kind, Of: wamp.Invocation, Request: 1})
		want, ok := good[kind]
		if ok != (err == nil) || step != want {
			t.Errorf("%v: %v, %v", kind, step, err)
		}
	}
	if _, err := open(t).Receive(&wamp.Message{Type: wamp.Error, Of: wamp.Call, Request: 1}); err == nil {
		t.Error("a client failed a CALL")
	}
}

func TestRequestIDsGoUpByOne(t *testing.T) {
	p := open(t)
	for i, kind := range []wamp.MessageType{wamp.Register, wamp.Call, wamp.Subscribe, wamp.Publish} {
		if _, err := p.Receive(&wamp.Message{Type: kind, Request: wamp.ID(i + 1)}); err != nil {
			t.Fatal(err)
		}
	}
	// Ids of invocations are the router's; they do not count.
	if _, err := p.Receive(&wamp.Message{Type: wamp.Yield, Request: 77}); err != nil {
		t.Fatal(err)
	}
	for _, id := range []wamp.ID{4, 1, 70} {
		if _, err := p.Receive(&wamp.Message{Type: wamp.Call, Request: id}); err == nil {
			t.Errorf("request id %d after 4 was taken", id)
		}
	}
	p.requests.done = wamp.MaxID
	if _, err := p.Receive(&wamp.Message{Type: wamp.Call, Request: 1}); err != nil {
		t.Errorf("ids do not begin again after 2^53: %v", err)
	}
}

// Neighbours may change places; each id counts once, and one that is left out is missed in the
// end.
func TestRequestIDsOutOfStep(t *testing.T) {
	var r requests
	for _, id := range []wamp.ID{2, 1, 3, 6, 5, 8, 4, 7, 9, 73} {
		if err := r.take(id); err != nil {
			t.Fatal(err)
		}
	}
	if r.done != 9 {
		t.Errorf("all up to %d were used, not up to 9", r.done)
	}
	for _, id := range []wamp.ID{73, 9, 4, 75, 1000} {
		if err := r.take(id); err == nil {
			t.Errorf("id %d was taken", id)
		}
	}
	for id := wamp.ID(10); id < 73; id++ {
		if err := r.take(id); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.take(74); err != nil || r.done != 74 {
		t.Errorf("%v, all up to %d were used, not up to 74", err, r.done)
	}
}

// The pieces of one call share its id; all other requests still go up by one.
func TestProgressiveCallsRepeatTheirID(t *testing.T) {
	p := open(t)
	p.Features = CallerProgressiveInvocations
	call := func(id wamp.ID, progress bool) *wamp.Message {
		return &wamp.Message{Type: wamp.Call, Request: id, Dict: wamp.MustDict(wamp.CBOR, map[string]any{"progress": progress})}
	}
	for i, c := range []struct {
		m    *wamp.Message
		want Step
	}{
		{call(1, true), Handle},
		{call(1, true), Continue},
		{&wamp.Message{Type: wamp.Subscribe, Request: 2}, Handle},
		{call(3, true), Handle},
		{call(1, false), Continue},
		{call(3, true), Continue},
		{call(4, false), Handle},
		{call(3, false), Continue},
	} {
		if step, err := p.Receive(c.m); step != c.want || err != nil {
			t.Fatalf("message %d: %v, %v", i, step, err)
		}
	}
	for _, m := range []*wamp.Message{call(1, true), call(3, false), call(4, true)} {
		var v *Violation
		if _, err := p.Receive(m); !errors.As(err, &v) {
			t.Errorf("call %d goes on after its last piece: %v", m.Request, err)
		}
	}
	for id := wamp.ID(5); id < 5+2*maxProgressive; id++ {
		if _, err := p.Receive(call(id, true)); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(p.requests.progressive); n != maxProgressive {
		t.Errorf("%d calls are remembered, the bound is %d", n, maxProgressive)
	}
	p = open(t)
	if step, err := p.Receive(call(1, true)); step != Handle || err != nil {
		t.Errorf("a piece of a call by a client that announced nothing: %v, %v", step, err)
	}
}

func TestNobodyIsHandledBeforeAuthenticate(t *testing.T) {
	for kind := range wamp.MessageType(80) {
		p := &Protocol{}
		if _, err := p.Receive(&wamp.Message{Type: wamp.Hello}); err != nil || !p.Challenged() || p.Joined() {
			t.Fatal("no challenge after HELLO, or in without an answer to it")
		}
		step, err := p.Receive(&wamp.Message{Type: kind, Request: 1})
		switch kind {
		case wamp.Authenticate:
			if step != Verify || err != nil || !p.Joined() {
				t.Errorf("%v: %v, %v", kind, step, err)
			}
		case wamp.Abort, wamp.Goodbye:
			if step != Close || err != nil {
				t.Errorf("%v: %v, %v", kind, step, err)
			}
		default:
			var v *Violation
			if !errors.As(err, &v) {
				t.Errorf("%v in place of AUTHENTICATE: %v, %v", kind, step, err)
			}
		}
	}
}

func TestAfterGoodbyeNothingIsHandled(t *testing.T) {
	p := open(t)
	if !p.Leaving() || p.Leaving() {
		t.Fatal("GOODBYE must be said once")
	}
	if step, err := p.Receive(&wamp.Message{Type: wamp.Call, Request: 9}); step != Ignore || err != nil {
		t.Errorf("CALL after GOODBYE: %v, %v", step, err)
	}
	if step, err := p.Receive(&wamp.Message{Type: wamp.Goodbye}); step != Close || err != nil {
		t.Errorf("GOODBYE for GOODBYE: %v, %v", step, err)
	}
	if p.Closed() != leaving {
		t.Error("the phase was lost")
	}
	if step, err := p.Receive(&wamp.Message{Type: wamp.Hello}); step != Ignore || err != nil {
		t.Errorf("HELLO at the end: %v, %v", step, err)
	}
}

// Whatever a client sends, in whatever order, the state machine neither panics nor handles a
// request outside of a session or out of sequence, and lets nobody in who was challenged and did
// not answer.
func FuzzProtocol(f *testing.F) {
	f.Add([]byte{1, 0, 0, 48, 0, 1, 70, 0, 9, 6, 0, 0})
	f.Add([]byte{1, 1, 0, 5, 0, 0, 48, 1, 1, 48, 1, 1, 48, 0, 1, 49, 0, 1, 6, 0, 0})
	f.Add([]byte{1, 1, 0, 48, 0, 1})
	f.Add([]byte{64, 0, 1})
	pieces := wamp.MustDict(wamp.CBOR, map[string]any{"progress": true})
	f.Fuzz(func(t *testing.T, script []byte) {
		p := &Protocol{Features: CallerProgressiveInvocations}
		inside, asked := false, false
		used, unfinished := map[wamp.ID]bool{}, map[wamp.ID]bool{}
		for ; len(script) >= 3; script = script[3:] {
			m := &wamp.Message{Type: wamp.MessageType(script[0]), Of: wamp.MessageType(script[1]), Request: wamp.ID(script[2])}
			if m.Type == wamp.Call && script[1]&1 == 1 {
				m.Dict = pieces
			}
			step, err := p.Receive(m)
			if err != nil && step != Ignore {
				t.Fatalf("%v is a violation and yet %v", m.Type, step)
			}
			switch step {
			case Admit:
				if inside || asked {
					t.Fatal("admitted twice")
				}
				if script[1]&1 == 1 {
					if asked = p.Challenged(); p.Joined() {
						t.Fatal("joined without an answer to the challenge")
					}
					continue
				}
				inside = p.Joined()
			case Verify:
				if !asked || inside {
					t.Fatal("an answer that nobody asked for")
				}
				asked, inside = false, p.Joined()
			case Handle:
				if !inside {
					t.Fatalf("%v handled outside of a session", m.Type)
				}
				if m.Type != wamp.Yield && m.Type != wamp.Error && m.Type != wamp.Cancel {
					if used[m.Request] {
						t.Fatalf("%v handled with id %d again", m.Type, m.Request)
					}
					used[m.Request] = true
					unfinished[m.Request] = m.Type == wamp.Call && script[1]&1 == 1
				}
			case Continue:
				if !inside || m.Type != wamp.Call || !unfinished[m.Request] {
					t.Fatalf("%v continues %d, which is not open", m.Type, m.Request)
				}
				unfinished[m.Request] = script[1]&1 == 1
			case Farewell, Close:
				p.Closed()
				inside, asked = false, false
			}
			if m.Type == wamp.Welcome && script[2]%7 == 0 {
				if asked && script[2]%2 == 0 { // time is over
					p.GiveUp()
					asked = false
				}
				if p.Leaving() { // the router says GOODBYE in between
					inside = false
				}
			}
			if p.Open() != inside {
				t.Fatalf("open %v, and yet inside %v", p.Open(), inside)
			}
		}
	})
}
