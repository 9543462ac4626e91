package app

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/gammazero/nexus/v3/client"
	"github.com/gammazero/nexus/v3/wamp"
)

// reconnectEvery is how long a callee waits before it tries its router again.
const reconnectEvery = 200 * time.Millisecond

// Procedure is what a callee registers.
type Procedure struct {
	URI    string
	Invoke string
}

// Callee answers every call with its own name and that of its router. The first argument of a call
// is how many milliseconds it works on the answer; none when absent.
type Callee struct {
	Name       string
	Router     string
	Procedures []Procedure
	Logger     *slog.Logger
}

// Run keeps the callee connected and registered until ctx ends, as a service would. registered is
// called each time all procedures are registered anew.
func (c Callee) Run(ctx context.Context, routers Routers, registered func()) {
	for ctx.Err() == nil {
		if err := c.session(ctx, routers, registered); err != nil && ctx.Err() == nil {
			c.Logger.Warn("callee is not registered", "callee", c.Name, "router", c.Router, "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(reconnectEvery):
		}
	}
}

func (c Callee) session(ctx context.Context, routers Routers, registered func()) error {
	session, err := routers.Join(ctx, c.Router)
	if err != nil {
		return err
	}
	defer func() { _ = session.Close() }()
	for _, p := range c.Procedures {
		if err := session.Register(p.URI, c.answer, wamp.Dict{wamp.OptInvoke: p.Invoke}); err != nil {
			return err
		}
	}
	c.Logger.Info("callee is registered", "callee", c.Name, "router", c.Router, "session", session.ID())
	registered()
	select {
	case <-ctx.Done():
		return nil
	case <-session.Done():
		return fmt.Errorf("the connection to %s was lost", c.Router)
	}
}

func (c Callee) answer(ctx context.Context, i *wamp.Invocation) client.InvokeResult {
	if len(i.Arguments) > 0 {
		ms, _ := wamp.AsInt64(i.Arguments[0])
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(ms) * time.Millisecond):
		}
	}
	return client.InvokeResult{Args: wamp.List{c.Name, c.Router}}
}

// RunCallees starts the callees one after another, so that their order on the list is the order
// given here, and keeps them until ctx ends. ready is called when all are registered.
func RunCallees(ctx context.Context, routers Routers, callees []Callee, ready func()) {
	ended := make(chan struct{})
	for _, c := range callees {
		registered := make(chan struct{}, 1)
		go func() {
			c.Run(ctx, routers, func() {
				select {
				case registered <- struct{}{}:
				default:
				}
			})
			ended <- struct{}{}
		}()
		select {
		case <-registered:
		case <-ctx.Done():
		}
	}
	if ctx.Err() == nil {
		ready()
	}
	for range callees {
		<-ended
	}
}
