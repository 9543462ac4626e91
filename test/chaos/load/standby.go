package load

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wamp-operator/wamp-operator/router/wamp"
	"github.com/wamp-operator/wamp-operator/test/chaos/client"
)

// StandbyURI is a procedure of policy first with a callee at each replica.
const StandbyURI = "chaos.standby"

// askEvery is the finest that the time of a take-over is measured.
const askEvery = 2 * time.Millisecond

// Standby measures how soon another callee answers when the active one, or its replica, is lost.
type Standby struct {
	w     *World
	leave context.CancelFunc
	// callees and callers by the replica where they are at home.
	callees, callers []*atomic.Pointer[client.Session]

	mu       sync.Mutex
	replicas map[uint64]string // of registrations
}

// StartStandby connects a callee and a caller at each replica, and returns when all have joined.
func (w *World) StartStandby(ctx context.Context) (*Standby, error) {
	running, leave := context.WithCancel(context.Background())
	s := &Standby{w: w, leave: leave, replicas: map[uint64]string{}}
	var joined sync.WaitGroup
	for i := range w.Routers {
		number := w.newClient()
		var registered, connected sync.Once
		joined.Add(2)
		callee, caller := &atomic.Pointer[client.Session]{}, &atomic.Pointer[client.Session]{}
		s.callees, s.callers = append(s.callees, callee), append(s.callers, caller)
		w.run(running, client.Config{
			Routers: w.from(i, uint64(number)), Home: true, Seed: w.Seed + uint64(number),
			Handler: func() client.Handler { return &standbyCallee{} },
			Joined: func(session *client.Session) {
				callee.Store(session)
				s.register(session, func() { registered.Do(joined.Done) })
			},
		})
		number = w.newClient()
		w.run(running, client.Config{
			Routers: w.from(i, uint64(number)), Home: true, Seed: w.Seed + uint64(number),
			Joined: func(session *client.Session) {
				caller.Store(session)
				connected.Do(joined.Done)
			},
		})
	}
	all := make(chan struct{})
	go func() {
		joined.Wait()
		close(all)
	}()
	select {
	case <-all:
		return s, nil
	case <-ctx.Done():
		leave()
		return nil, fmt.Errorf("the clients of %s do not join: %w", StandbyURI, ctx.Err())
	}
}

// GoHome makes clients that went to another replica come back, so that each has a callee and a caller
// again.
func (s *Standby) GoHome() {
	for _, sessions := range [][]*atomic.Pointer[client.Session]{s.callees, s.callers} {
		for i, session := range sessions {
			if now := session.Load(); now.Replica != s.w.Routers[i].Name {
				now.Break()
			}
		}
	}
}

// Leave disconnects its clients.
func (s *Standby) Leave() { s.leave() }

type standbyCallee struct {
	client.Silent
	number atomic.Uint64
}

// Invoked implements client.Handler.
func (c *standbyCallee) Invoked(s *client.Session, invocation wamp.ID, _ []byte) {
	s.Yield(invocation, client.AppendNumbers(nil, c.number.Load()))
}

func (s *Standby) register(session *client.Session, registered func()) {
	c := session.Handler.(*standbyCallee)
	number := uint64(s.w.registrations.Add(1))
	s.mu.Lock()
	s.replicas[number] = session.Replica
	s.mu.Unlock()
	c.number.Store(number)
	session.Register(StandbyURI, "first", client.ReceiverFunc(func(a *client.Answer) {
		switch {
		case a.Error != "":
			time.AfterFunc(registerAgain, func() { s.register(session, registered) })
		case a.Lost == nil:
			registered()
		}
	}))
}

func (s *Standby) replica(number uint64) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.replicas[number]
}

// ask makes a call; answer is told the replica of the callee, or nothing.
func (s *Standby) ask(session *client.Session, answer func(replica string)) {
	session.Call(StandbyURI, nil, client.ReceiverFunc(func(a *client.Answer) {
		if n, ok := client.Number(a.Arguments, 0); ok {
			answer(s.replica(n))
		}
	}))
}

// Active is the replica of the callee that gets the calls now.
func (s *Standby) Active(ctx context.Context) (string, error) {
	answers := make(chan string, 1)
	for {
		for _, c := range s.callers {
			s.ask(c.Load(), func(replica string) {
				select {
				case answers <- replica:
				default:
				}
			})
		}
		select {
		case replica := <-answers:
			return replica, nil
		case <-ctx.Done():
			return "", errors.New("no callee answers " + StandbyURI)
		case <-time.After(registerAgain):
		}
	}
}

// TakeOver is how long after since the callers at the replicas got the first answer of a callee that
// is not at a lost one; the longest of them. Callers that are not at one of the replicas do not count.
func (s *Standby) TakeOver(ctx context.Context, since time.Time, lost string, at ...string) (longest time.Duration, err error) {
	var all sync.WaitGroup
	var mu sync.Mutex
	for _, c := range s.callers {
		session := c.Load()
		counts := false
		for _, replica := range at {
			counts = counts || session.Replica == replica
		}
		if !counts {
			continue
		}
		all.Go(func() {
			took, fail := s.asked(ctx, session, since, lost)
			mu.Lock()
			defer mu.Unlock()
			longest, err = max(longest, took), errors.Join(err, fail)
		})
	}
	all.Wait()
	return longest, err
}

// asked calls again and again, whether it is answered or not.
func (s *Standby) asked(ctx context.Context, session *client.Session, since time.Time, lost string) (time.Duration, error) {
	taken := make(chan time.Duration, 1)
	again := time.NewTicker(askEvery)
	defer again.Stop()
	for {
		s.ask(session, func(replica string) {
			if replica != lost {
				select {
				case taken <- time.Since(since):
				default:
				}
			}
		})
		select {
		case took := <-taken:
			return took, nil
		case <-ctx.Done():
			return 0, fmt.Errorf("no standby answers at %s", session.Replica)
		case <-again.C:
		}
	}
}
