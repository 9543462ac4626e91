package dealer

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// lossy is a caller at a cluster that loses calls as the test says.
type lossy struct {
	*joined
	realm *realm
	sent  []cluster.Call // what came again
	first cluster.Caller
}

func newLossy(t *testing.T, flags cluster.RegistrationFlags) *lossy {
	l := &lossy{realm: &realm{}}
	l.realm.call = func(c *cluster.Call) cluster.Waiter {
		c.Describe(c, flags)
		l.first = c.Caller
		return nil
	}
	l.realm.again = func(c *cluster.Call) { l.sent = append(l.sent, *c) }
	l.realm.cancel = func(uint64, *cluster.Interruption) {}
	l.joined = join(t, l.realm)
	return l
}

func (l *lossy) call(options map[string]any) {
	m := &wamp.Message{Type: wamp.Call, Request: 1, URI: uri, Payload: wamp.MustPayload(wamp.MessagePack, []any{"x"}, nil)}
	m.Dict = wamp.MustDict(wamp.MessagePack, options)
	l.Call(m)
	clear(m.Payload.Args) // the buffer is read into again
}

func (l *lossy) lose() {
	lost := failure(wamp.ErrCanceled, "lost")
	lost.Lost = true
	l.first.Answer(lost)
	synctest.Wait()
}

// A call of an idempotent procedure that is lost with its callee is sent again as it was, and answered
// once; others end.
func TestLostCallIsSentAgain(t *testing.T) {
	for name, test := range map[string]struct {
		flags   cluster.RegistrationFlags
		options map[string]any
		then    func(*lossy)
		again   int
		told    string
	}{
		"idempotent": {cluster.Idempotent, nil, func(l *lossy) {
			l.lose()
			l.lose()
			l.first.Answer(&cluster.Answer{})
			l.first.Answer(&cluster.Answer{})
			l.lose()
		}, 2, "RESULT"},
		"not idempotent":          {cluster.DiscloseCaller, nil, func(l *lossy) { l.lose() }, 0, "ERROR"},
		"progressive":             {cluster.Idempotent, map[string]any{"progress": true}, func(l *lossy) { l.lose() }, 0, "ERROR"},
		"a part of the result":    {cluster.Idempotent, map[string]any{"receive_progress": true}, func(l *lossy) { l.first.Answer(&cluster.Answer{Progress: true}); l.lose() }, 0, "RESULT ERROR"},
		"no part of the result":   {cluster.Idempotent, map[string]any{"receive_progress": true}, func(l *lossy) { l.lose(); l.first.Answer(&cluster.Answer{}) }, 1, "RESULT"},
		"canceled":                {cluster.Idempotent, nil, func(l *lossy) { l.cancel("killnowait"); l.lose() }, 0, "ERROR"},
		"killed, then lost":       {cluster.Idempotent, nil, func(l *lossy) { l.first.(*call).killed.Store(true); l.lose() }, 0, "ERROR"},
		"canceled when it is out": {cluster.Idempotent, nil, func(l *lossy) { l.lose(); l.cancel("killnowait"); l.lose() }, 1, "ERROR"},
		"timed out": {cluster.Idempotent, map[string]any{"timeout": 100}, func(l *lossy) {
			l.lose()
			time.Sleep(time.Second)
			l.lose()
		}, 1, "ERROR"},
		"too often": {cluster.Idempotent, nil, func(l *lossy) {
			for range 2 * mostLosses {
				l.lose()
			}
		}, mostLosses - 1, "ERROR"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLossy(t, test.flags)
				l.call(test.options)
				test.then(l)
				if got := types(l.conn.Sent()); got != test.told {
					t.Errorf("the caller was told %q, want %q", got, test.told)
				}
				if len(l.sent) != test.again || int(l.dealer.Counts().Again) != test.again {
					t.Errorf("sent again %d times, counted %d, want %d", len(l.sent), l.dealer.Counts().Again, test.again)
				}
				for i, c := range l.sent {
					if args, _, _ := c.Payload.Decode(); c.URI != uri || c.Lost != i+1 || c.Caller != l.first || len(args) != 1 || args[0] != "x" {
						t.Errorf("sent again: %+v with %v", c, args)
					}
				}
				if open, _ := l.Open(); open != 0 {
					t.Errorf("%d calls are open", open)
				}
			})
		})
	}
}

func (l *lossy) cancel(mode string) {
	l.Cancel(&wamp.Message{Type: wamp.Cancel, Request: 1, Dict: wamp.MustDict(wamp.MessagePack, map[string]any{"mode": mode})})
}

// What a session that ends has not answered counts as lost.
func TestCalleeThatEndsIsLost(t *testing.T) {
	for name, end := range map[string]func(*joined){
		"left":      func(p *joined) { p.Leave() },
		"dismissed": func(p *joined) { p.Dismissed() },
	} {
		p := join(t, &realm{register: func(_ cluster.Registration, f func(wamp.ID, error)) { f(id, nil) }})
		p.Register(registerMessage)
		var caller answers
		if err := p.Deliver(delivery(&caller)); err != nil {
			t.Fatal(err)
		}
		end(p)
		p.Yield(&wamp.Message{Type: wamp.Yield, Request: 1})
		if len(caller) != 1 || !caller[0].Lost || caller[0].Error != wamp.ErrCanceled {
			t.Errorf("%s: the caller was told %+v", name, caller)
		}
	}
}

// Copies are recycled, and never while the cluster may look at them.
func TestSparesAreNotShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLossy(t, cluster.Idempotent)
		l.call(nil)
		l.lose()
		l.first.Answer(&cluster.Answer{})
		lent := l.sent[0]
		for range 100 {
			other := newLossy(t, cluster.Idempotent)
			other.Call(&wamp.Message{Type: wamp.Call, Request: 1, URI: uri, Payload: wamp.MustPayload(wamp.MessagePack, []any{"y"}, nil)})
			other.first.Answer(&cluster.Answer{})
		}
		if args, _, _ := lent.Payload.Decode(); !strings.HasPrefix(args[0].(string), "x") {
			t.Errorf("the copy that is being sent says %v", args)
		}
	})
}
