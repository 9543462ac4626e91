package e2e

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/test/app"
)

// javascript are the libraries whose users leave it to them to connect again.
var javascript = []string{"autobahn", "wampy"}

// stayer is a callee of such a library, in a program that does nothing about routers that go.
type stayer struct {
	library, procedure string
	leave              func()

	mu         sync.Mutex
	registered int
	errors     []string
}

// interop is the directory of a library of other people, in which it is installed.
func (s *site) interop(t *testing.T, library string) string {
	t.Helper()
	dir := filepath.Join(s.Cluster.Repo, "test", "interop", library)
	if _, err := os.Stat(filepath.Join(dir, "node_modules", library)); err != nil {
		t.Fatalf("%s is not installed: `make e2e` does that: %v", library, err)
	}
	return dir
}

// stays starts a callee through the Service, and returns when it is registered.
func (s *site) stays(t *testing.T, ctx context.Context, library, procedure, invoke string) *stayer {
	t.Helper()
	dir := s.interop(t, library)
	ctx, kill := context.WithCancel(ctx)
	cmd := s.Cluster.Command(ctx, "node", filepath.Join(dir, "stays.js"), "ws://"+s.service(t, ctx)+"/ws", "realm1", procedure, invoke)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	_, err := cmd.StdinPipe() // it ends with its standard input
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	c := &stayer{library: library, procedure: procedure}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			c.mu.Lock()
			if lines.Text() == "registered" {
				c.registered++
			} else {
				c.errors = append(c.errors, lines.Text())
			}
			c.mu.Unlock()
		}
	}()
	c.leave = sync.OnceFunc(func() {
		kill()
		<-ended
		_ = cmd.Wait()
	})
	t.Cleanup(c.leave)
	s.again(t, ctx, c, 1)
	return c
}

// again waits until a callee has registered this many times, and answers.
func (s *site) again(t *testing.T, ctx context.Context, c *stayer, times int) {
	t.Helper()
	s.eventually(t, ctx, 30*time.Second, c.library+" is registered", func() (bool, string) {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.registered >= times, fmt.Sprintf("registered %d times of %d, errors %v", c.registered, times, c.errors)
	})
	s.eventually(t, ctx, 15*time.Second, c.library+" answers calls", func() (bool, string) {
		answers, err := app.Share(ctx, s.through(t, ctx, "realm1", "any"), c.procedure, 6)
		return answers[c.library] > 0, fmt.Sprintf("%v, error %v", answers, err)
	})
}

// at is the router of a callee that alone has its procedure.
func (s *site) at(t *testing.T, ctx context.Context, c *stayer) string {
	t.Helper()
	states, err := s.states(ctx)
	must(t, err)
	list := callees(states[0], c.procedure)
	if len(list) != 1 {
		t.Fatalf("%s has the callees %v, want one", c.procedure, list)
	}
	return list[0].Replica
}

// staysAt starts callees until one is at one of the routers: the Service chooses.
func (s *site) staysAt(t *testing.T, ctx context.Context, library, procedure string, routers []string) *stayer {
	t.Helper()
	for {
		c := s.stays(t, ctx, library, procedure, "single")
		if slices.Contains(routers, s.at(t, ctx, c)) {
			return c
		}
		c.leave()
		s.eventually(t, ctx, 10*time.Second, "no callee of "+procedure, func() (bool, string) {
			states, err := s.states(ctx)
			return err == nil && len(callees(states[0], procedure)) == 0, fmt.Sprint(err)
		})
	}
}

// clientsStay kills the routers of callees whose programs do nothing about it.
func clientsStay(t *testing.T, ctx context.Context, s *site) {
	s.Step("The routers of " + strings.Join(javascript, " and ") + " are killed")
	for _, library := range javascript {
		c := s.stays(t, ctx, library, "com.example.stays."+library, "single")
		killed := s.kill(t, ctx, s.namespace, s.at(t, ctx, c))
		s.again(t, ctx, c, 2)
		s.took(t, clientsBack, time.Since(killed))
		s.whole(t, ctx, 3, time.Minute)
		c.leave()
	}
	s.calleesBack(t, ctx)
}
