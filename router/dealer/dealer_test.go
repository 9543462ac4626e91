package dealer

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/router/auth"
	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/session"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const uri = "com.example.add"

var id = cluster.RegistrationID("realm1", cluster.Exact, uri)

// realm is a cluster that does what the test says.
type realm struct {
	register func(cluster.Registration, func(wamp.ID, error))
	timeout  time.Duration
	call     func(*cluster.Call) cluster.Waiter
	more     func(uint64, *cluster.Call) cluster.Waiter
	cancel   func(uint64, *cluster.Interruption)
	reroute  func(*cluster.Delivery)
	back     func(*cluster.Delivery)
	again    func(*cluster.Call)
	callees  func() []wamp.ID
	declared *cluster.Policy
}

func (r *realm) Register(reg cluster.Registration, done func(wamp.ID, error)) { r.register(reg, done) }
func (r *realm) Unregister(_, _ wamp.ID, done func(error))                    { done(nil) }
func (r *realm) Timeout(string) time.Duration                                 { return r.timeout }
func (r *realm) Call(c *cluster.Call) cluster.Waiter                          { return r.call(c) }
func (r *realm) Continue(n uint64, c *cluster.Call) cluster.Waiter            { return r.more(n, c) }
func (r *realm) Cancel(n uint64, i *cluster.Interruption)                     { r.cancel(n, i) }
func (r *realm) Reroute(d *cluster.Delivery)                                  { r.reroute(d) }
func (r *realm) Return(d *cluster.Delivery)                                   { r.back(d) }
func (r *realm) Again(c *cluster.Call)                                        { r.again(c) }

func (r *realm) Registration(wamp.ID) (info cluster.ProcedureInfo, ok bool) {
	for _, session := range r.callees() {
		info.Callees = append(info.Callees, cluster.CalleeInfo{Session: session})
	}
	return info, len(info.Callees) > 0
}

func (r *realm) Declared(cluster.Match, string) (cluster.Policy, bool) {
	if r.declared == nil {
		return 0, false
	}
	return *r.declared, true
}

// joined is the dealer's side of a session that was admitted.
type joined struct {
	*Peer
	conn *wamptest.Conn
}

func (j *joined) Handle(*wamp.Message) {}

// lobby admits one session with all permissions.
type lobby struct {
	dealer *Dealer
	conn   *wamptest.Conn
	access atomic.Pointer[auth.Realm]
	peer   *joined
}

func (l *lobby) Join(s *session.Session, _ session.Hello) (session.Peer, *session.Refusal) {
	l.access.Store(auth.Compile(&v1alpha1.WampRealm{Spec: v1alpha1.WampRealmSpec{
		Anonymous: &v1alpha1.AnonymousAccess{Role: "all"},
		Roles: []v1alpha1.Role{{Name: "all", Permissions: []v1alpha1.Permission{{
			Match: v1alpha1.PatternPrefix, Allow: []v1alpha1.Action{v1alpha1.ActionCall, v1alpha1.ActionRegister},
		}}}},
	}}))
	s.ID, s.Realm, s.Access = wamp.RandomID(), "realm1", &l.access
	s.Identity, _ = l.access.Load().Admit(s.Joining(), &auth.Attempt{Guest: "someone"})
	l.peer = &joined{l.dealer.Join(s), l.conn}
	return l.peer, nil
}

// join gives the dealer's side of an open session; the test is its reading goroutine.
func join(t testing.TB, r Realm) *joined {
	t.Helper()
	conn := wamptest.NewConn(wamp.MessagePack)
	return joinOver(t, r, conn, conn, wamptest.Roles())
}

func joinOver(t testing.TB, r Realm, over session.Conn, conn *wamptest.Conn, roles map[string]any) *joined {
	t.Helper()
	l := &lobby{dealer: New("realm1", r, nil, Limits{}), conn: conn}
	s := session.New(t.Context(), session.Config{}, over)
	conn.FeedMessage(wamptest.HelloWith("realm1", wamp.MessagePack, map[string]any{"roles": roles}))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.Run(l)
	}()
	t.Cleanup(func() {
		conn.Hangup()
		<-ended
	})
	for !s.Open() {
		time.Sleep(time.Millisecond)
	}
	conn.Sent() // WELCOME
	return l.peer
}

// answers collects what a caller is told.
type answers []cluster.Answer

func (a *answers) Open() bool           { return true }
func (a *answers) Sent(uint64)          {}
func (a *answers) Room() cluster.Waiter { return nil }

func (a *answers) Answer(answer *cluster.Answer) { *a = append(*a, *answer) }

func delivery(caller cluster.Caller) *cluster.Delivery {
	return &cluster.Delivery{Registration: id, Caller: caller, Payload: wamp.MustPayload(wamp.JSON, []any{1}, nil)}
}

func types(messages []*wamptest.Message) string {
	var names []string
	for _, m := range messages {
		names = append(names, m.Type.String())
	}
	return strings.Join(names, " ")
}

var registerMessage = &wamp.Message{Type: wamp.Register, Request: 1, URI: uri}

// The cluster may route a call to a callee a moment before the callee is told that it is
// registered; clients take an INVOCATION of an unknown registration for a broken router.
func TestInvocationWaitsForRegistered(t *testing.T) {
	var done func(wamp.ID, error)
	p := join(t, &realm{register: func(_ cluster.Registration, f func(wamp.ID, error)) { done = f }})
	var caller answers
	if err := p.Deliver(delivery(&caller)); !errors.Is(err, cluster.ErrGone) {
		t.Errorf("before REGISTER: %v", err)
	}
	p.Register(registerMessage)
	if err := p.Deliver(delivery(&caller)); err != nil {
		t.Fatal(err)
	}
	if sent := p.conn.Sent(); len(sent) > 0 {
		t.Errorf("before the cluster confirmed: %s", types(sent))
	}
	done(id, nil)
	sent := p.conn.Sent()
	if types(sent) != "REGISTERED INVOCATION" || sent[1].Request != 1 || sent[1].ID != id {
		t.Fatalf("sent %s", types(sent))
	}
	p.Yield(&wamp.Message{Type: wamp.Yield, Request: 1})
	p.Unregister(&wamp.Message{Type: wamp.Unregister, Request: 2, ID: id})
	if err := p.Deliver(delivery(&caller)); !errors.Is(err, cluster.ErrGone) {
		t.Errorf("after UNREGISTERED: %v", err)
	}
	if sent := p.conn.Sent(); types(sent) != "UNREGISTERED" {
		t.Errorf("sent %s", types(sent))
	}
	if len(caller) != 1 || caller[0].Error != "" {
		t.Errorf("the caller was told %+v", caller)
	}
}

// A call that was not delivered can still go to another callee.
func TestHeldInvocationOfARefusedRegistrationIsHandedBack(t *testing.T) {
	var done func(wamp.ID, error)
	back := 0
	p := join(t, &realm{
		register: func(_ cluster.Registration, f func(wamp.ID, error)) { done = f },
		back: func(d *cluster.Delivery) {
			if args, _, _ := d.Payload.Decode(); len(args) == 1 && args[0] == int64(1) {
				back++
			}
		},
	})
	p.Register(registerMessage)
	var caller answers
	for i := range maxQueued {
		if err := p.Deliver(delivery(&caller)); err != nil {
			t.Fatalf("delivery %d: %v", i, err)
		}
	}
	if err := p.Deliver(delivery(&caller)); !errors.Is(err, cluster.ErrBusy) {
		t.Errorf("beyond what is held: %v", err)
	}
	done(0, &cluster.Error{URI: wamp.ErrUnavailable, Message: "not now"})
	if sent := p.conn.Sent(); types(sent) != "ERROR" || sent[0].URI != wamp.ErrUnavailable {
		t.Errorf("sent %s", types(sent))
	}
	if back != maxQueued || len(caller) != 0 {
		t.Errorf("%d calls were handed back, %d callers were told", back, len(caller))
	}
}

func TestLeaveAnswersWhatIsOpenOnce(t *testing.T) {
	p := join(t, &realm{register: func(_ cluster.Registration, f func(wamp.ID, error)) { f(id, nil) }})
	p.Register(registerMessage)
	var caller answers
	for range 3 {
		if err := p.Deliver(delivery(&caller)); err != nil {
			t.Fatal(err)
		}
	}
	p.Yield(&wamp.Message{Type: wamp.Yield, Request: 2})
	p.Yield(&wamp.Message{Type: wamp.Yield, Request: 2})
	p.Yield(&wamp.Message{Type: wamp.Yield, Request: 99})
	if _, open := p.Open(); open != 2 {
		t.Errorf("%d invocations are open", open)
	}
	p.Leave()
	p.Yield(&wamp.Message{Type: wamp.Yield, Request: 1})
	if len(caller) != 3 || caller[0].Error != "" || caller[1].Error != wamp.ErrCanceled || caller[2].Error != wamp.ErrCanceled {
		t.Errorf("the callers were told %+v", caller)
	}
	if err := p.Deliver(delivery(&caller)); !errors.Is(err, cluster.ErrGone) {
		t.Errorf("after the end: %v", err)
	}
}

func TestFullCalleeIsBusy(t *testing.T) {
	p := join(t, &realm{register: func(_ cluster.Registration, f func(wamp.ID, error)) { f(id, nil) }})
	p.Register(registerMessage)
	p.conn.SetFull(true)
	var caller answers
	if err := p.Deliver(delivery(&caller)); !errors.Is(err, cluster.ErrBusy) {
		t.Errorf("full: %v", err)
	}
	p.conn.SetFull(false)
	if err := p.WaitRoom(t.Context()); err != nil {
		t.Error(err)
	}
	if err := p.Deliver(delivery(&caller)); err != nil {
		t.Errorf("with room: %v", err)
	}
	p.Quiesce()
	if err := p.Deliver(delivery(&caller)); !errors.Is(err, cluster.ErrGone) {
		t.Errorf("about to leave: %v", err)
	}
}

// waiter is room that comes, or does not.
type waiter chan struct{}

func (w waiter) WaitRoom(ctx context.Context) error {
	select {
	case <-w:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func TestCallWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		room, tries := make(waiter), 0
		p := join(t, &realm{call: func(c *cluster.Call) cluster.Waiter {
			if tries++; tries < 3 {
				return room
			}
			c.Caller.Answer(&cluster.Answer{})
			c.Caller.Answer(&cluster.Answer{}) // a second answer must not reach the client
			return nil
		}})
		go func() {
			time.Sleep(time.Second)
			room <- struct{}{}
			room <- struct{}{}
		}()
		p.Call(&wamp.Message{Type: wamp.Call, Request: 1, URI: uri})
		if sent := p.conn.Sent(); tries != 3 || types(sent) != "RESULT" {
			t.Errorf("after %d tries: %s", tries, types(sent))
		}
		results, failures := p.Answered()
		if calls, _ := p.Open(); calls != 0 || results != 1 || failures != 0 {
			t.Errorf("%d open, %d results, %d failures", calls, results, failures)
		}
	})
}

// A call that finds no room is answered at last.
func TestCallThatFindsNoRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := join(t, &realm{call: func(*cluster.Call) cluster.Waiter { return make(waiter) }})
		began := time.Now()
		p.Call(&wamp.Message{Type: wamp.Call, Request: 1, URI: uri})
		sent := p.conn.Sent()
		if types(sent) != "ERROR" || sent[0].URI != wamp.ErrUnavailable || time.Since(began) != calleeRoom {
			t.Errorf("after %v: %s", time.Since(began), types(sent))
		}
	})
}

// A client that does not take its results waits with its next calls, but not for ever.
func TestCallerThatTakesNothingIsSlowedDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := join(t, &realm{call: func(c *cluster.Call) cluster.Waiter {
			c.Caller.Answer(&cluster.Answer{})
			return nil
		}})
		p.conn.SetFull(true)
		began := time.Now()
		for i := range 5 {
			p.Call(&wamp.Message{Type: wamp.Call, Request: wamp.ID(i + 1), URI: uri})
		}
		if took := time.Since(began); took != callerRoom {
			t.Errorf("five calls took %v, want one wait of %v", took, callerRoom)
		}
	})
}
