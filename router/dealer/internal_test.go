package dealer

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// The router calls as nobody, hears what the callee says, and does not wait for ever.
func TestCallInternal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, nil)
		d := p.caller.dealer
		answer := func(m *wamp.Message) {
			for {
				if sent := p.callee.conn.Sent(); len(sent) > 0 {
					if details := wamptest.Details(sent[0]); details["caller"] != nil {
						t.Errorf("INVOCATION %v", details)
					}
					m.Request = sent[0].Request
					break
				}
				time.Sleep(time.Millisecond)
			}
			if m.Type == wamp.Yield {
				p.callee.Yield(m)
				return
			}
			p.callee.Error(m)
		}
		go answer(&wamp.Message{Type: wamp.Yield, Payload: wamp.MustPayload(wamp.MessagePack, []any{"yes"}, nil)})
		args, _, err := d.CallInternal(t.Context(), uri, []any{1}, nil)
		if err != nil || len(args) != 1 || args[0] != "yes" {
			t.Errorf("%v, %v", args, err)
		}
		go answer(&wamp.Message{Type: wamp.Error, URI: "com.example.no", Payload: sentence("because")})
		var refusal *cluster.Error
		if _, _, err = d.CallInternal(t.Context(), uri, nil, nil); !errors.As(err, &refusal) || refusal.URI != "com.example.no" || refusal.Message != "because" {
			t.Errorf("%v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, _, err = d.CallInternal(ctx, uri, nil, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		if got := types(p.callee.conn.Sent()); got != "INVOCATION INTERRUPT" {
			t.Errorf("the callee was sent %s", got)
		}
	})
}
