package client

import (
	"context"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

const (
	// backoffLeast and backoffMost bound how long a client waits between two attempts to connect:
	// twice as long each time, and a random half of it.
	backoffLeast = 20 * time.Millisecond
	backoffMost  = 500 * time.Millisecond
	dialPatience = time.Second
)

// Router is one replica to connect to.
type Router struct{ Name, Address string }

// Config says how a client connects, and who hears of what.
type Config struct {
	// Routers are tried in this order, from the first again after the last.
	Routers []Router
	// Home: begin with the first again, whenever a connection is lost.
	Home  bool
	Dial  func(ctx context.Context, network, address string) (net.Conn, error)
	Realm string
	// Seed of its jitter.
	Seed uint64
	// Handler makes what hears what comes in a session: Session.Handler. Nil: Silent.
	Handler func() Handler
	// Joined is told of each new session. The one before may not have ended yet: its router said
	// GOODBYE, and it waits for answers.
	Joined func(s *Session)
	// Ended is told when a session is over, after each of its requests has ended. dismissed: the
	// router said GOODBYE before.
	Ended func(s *Session, dismissed bool)
}

// Run keeps a client connected until ctx ends, and then leaves.
func Run(ctx context.Context, cfg Config) {
	random := rand.New(rand.NewPCG(cfg.Seed, 1))
	backoff := backoffLeast
	var leaving sync.WaitGroup
	defer leaving.Wait()
	for at := 0; ctx.Err() == nil; at = (at + 1) % len(cfg.Routers) {
		s := connect(ctx, &cfg, cfg.Routers[at])
		if s != nil {
			backoff = backoffLeast
			if cfg.Home {
				at = len(cfg.Routers) - 1
			}
			if !stay(ctx, &cfg, s, &leaving) {
				return
			}
		}
		wait := backoff/2 + time.Duration(random.Int64N(int64(backoff/2)+1))
		backoff = min(2*backoff, backoffMost)
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

func connect(ctx context.Context, cfg *Config, to Router) *Session {
	dialing, cancel := context.WithTimeout(ctx, dialPatience)
	defer cancel()
	nc, err := cfg.Dial(dialing, "tcp", to.Address)
	if err != nil {
		return nil
	}
	var h Handler = Silent{}
	if cfg.Handler != nil {
		h = cfg.Handler()
	}
	s, err := Join(ctx, nc, to.Name, cfg.Realm, h)
	if err != nil {
		return nil
	}
	return s
}

// stay returns when another router is to be looked for; false: the client has left.
func stay(ctx context.Context, cfg *Config, s *Session, leaving *sync.WaitGroup) bool {
	if cfg.Joined != nil {
		cfg.Joined(s)
	}
	select {
	case <-ctx.Done():
		s.Leave()
		select {
		case <-s.Ended():
		case <-time.After(time.Second):
			s.Break()
			<-s.Ended()
		}
		tell(cfg, s, false)
		return false
	case <-s.Dismissed():
		leaving.Go(func() {
			<-s.Ended()
			tell(cfg, s, true)
		})
	case <-s.Ended():
		tell(cfg, s, false)
	}
	return true
}

func tell(cfg *Config, s *Session, dismissed bool) {
	if cfg.Ended != nil {
		cfg.Ended(s, dismissed)
	}
}

// Silent is a Handler for clients that only call.
type Silent struct{}

// Invoked implements Handler.
func (Silent) Invoked(s *Session, invocation wamp.ID, _ []byte) {
	s.Fail(invocation, wamp.ErrNoSuchProcedure)
}

// Received implements Handler.
func (Silent) Received(*Session, wamp.ID, []byte) {}

// Revoked implements Handler.
func (Silent) Revoked(*Session, wamp.ID) {}
