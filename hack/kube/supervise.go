package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// States of a component, as kube-status shows them.
const (
	stateWaiting  = "waiting"  // for components that it needs
	stateStarting = "starting" // runs, does not answer yet
	stateReady    = "ready"
	stateBackoff  = "restarting" // ended by itself, to be started again in a moment
	stateStopped  = "stopped"    // by stop-component
)

// restartDelay is how long a component that ended by itself stays down.
const restartDelay = time.Second

// stopGrace is how long a component may take to end when it is asked to.
const stopGrace = 5 * time.Second

// supervisor keeps the components running. A component has one goroutine, which alone starts it.
type supervisor struct {
	l     layout
	mu    sync.Mutex
	items map[string]*supervised
	order []string
}

type supervised struct {
	component
	status  componentStatus
	wanted  bool
	process *os.Process
	wake    chan struct{} // closed and replaced at each change of wanted
}

type componentStatus struct {
	Name     string
	State    string
	PID      int // inside the sandbox
	Restarts int
	Since    time.Time
}

// supervise is the main program inside the sandbox. It returns only with an error.
func supervise(l layout) error {
	c, err := readCluster(l)
	if err != nil {
		return err
	}
	l.IPv6First = c.IPv6
	list := nodes(l, c.Nodes)
	if err := setupInside(list); err != nil {
		return err
	}
	s := &supervisor{l: l, items: map[string]*supervised{}}
	for _, comp := range components(l, c.Bin, list) {
		s.items[comp.Name] = &supervised{
			component: comp,
			wanted:    true,
			wake:      make(chan struct{}),
			status:    componentStatus{Name: comp.Name, State: stateWaiting, Since: time.Now()},
		}
		s.order = append(s.order, comp.Name)
	}
	for _, item := range s.items {
		go s.keep(item)
	}
	return s.serve()
}

// keep runs one component for ever.
func (s *supervisor) keep(c *supervised) {
	for {
		s.awaitWanted(c)
		if !s.awaitDependencies(c) {
			continue
		}
		err := s.runOnce(c)
		s.mu.Lock()
		c.process, c.status.PID = nil, 0
		wanted, wake := c.wanted, c.wake
		if wanted {
			c.status.Restarts++
		}
		s.mu.Unlock()
		if !wanted {
			continue
		}
		log.Printf("%s ended: %v; starting it again in %v", c.Name, err, restartDelay)
		s.setState(c, stateBackoff)
		select {
		case <-time.After(restartDelay):
		case <-wake:
		}
	}
}

func (s *supervisor) awaitWanted(c *supervised) {
	for {
		s.mu.Lock()
		wanted, wake := c.wanted, c.wake
		s.mu.Unlock()
		if wanted {
			return
		}
		s.setState(c, stateStopped)
		<-wake
	}
}

// awaitDependencies waits until all that c needs answers; false when c is no longer wanted.
func (s *supervisor) awaitDependencies(c *supervised) bool {
	s.setState(c, stateWaiting)
	for {
		s.mu.Lock()
		wanted := c.wanted
		missing := false
		for _, name := range c.After {
			missing = missing || s.items[name].status.State != stateReady
		}
		s.mu.Unlock()
		if !wanted || !missing {
			return wanted
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// runOnce starts c and returns when it has ended.
func (s *supervisor) runOnce(c *supervised) error {
	out, err := os.OpenFile(s.l.Log(c.Name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer func() { _ = out.Close() }()
	argv := c.argv()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Dir = s.l.Run()
	// A process group of its own: a signal to one component stays with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}

	s.mu.Lock()
	if !c.wanted {
		s.mu.Unlock()
		return nil
	}
	if err := cmd.Start(); err != nil {
		s.mu.Unlock()
		return err
	}
	c.process, c.status.PID = cmd.Process, cmd.Process.Pid
	s.mu.Unlock()
	s.setState(c, stateStarting)

	ctx, cancel := context.WithCancel(context.Background())
	probed := make(chan struct{})
	go func() {
		defer close(probed)
		s.probeUntilReady(ctx, c)
	}()
	err = cmd.Wait()
	cancel()
	<-probed
	return err
}

func (s *supervisor) probeUntilReady(ctx context.Context, c *supervised) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !c.Probe.ok(ctx) || !s.once(ctx, c) {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
	s.setState(c, stateReady)
}

// once runs the component's follow-up command, if it has one.
func (s *supervisor) once(ctx context.Context, c *supervised) bool {
	if len(c.Once) == 0 {
		return true
	}
	out, err := exec.CommandContext(ctx, c.Once[0], c.Once[1:]...).CombinedOutput()
	if err != nil && ctx.Err() == nil {
		log.Printf("%s: %v: %v: %s", c.Name, c.Once, err, out)
	}
	return err == nil
}

func (s *supervisor) setState(c *supervised, state string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.status.State != state {
		c.status.State, c.status.Since = state, time.Now()
	}
}

// want changes whether c should run, and returns when a component to be stopped has ended.
func (s *supervisor) want(c *supervised, wanted bool, sig syscall.Signal) {
	s.mu.Lock()
	if c.wanted != wanted {
		c.wanted = wanted
		close(c.wake)
		c.wake = make(chan struct{})
	}
	s.mu.Unlock()
	for end := time.Now().Add(stopGrace); !wanted; time.Sleep(20 * time.Millisecond) {
		s.mu.Lock()
		process := c.process
		s.mu.Unlock()
		if process == nil {
			return
		}
		if time.Now().After(end) {
			sig = syscall.SIGKILL
		}
		_ = process.Signal(sig)
	}
}

// serve answers on the control socket: GET /status, POST /start?name=, POST /stop?name=[&kill=1].
func (s *supervisor) serve() error {
	_ = os.Remove(s.l.Control())
	socket, err := net.Listen("unix", s.l.Control())
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) {
		list := make([]componentStatus, 0, len(s.order))
		s.mu.Lock()
		for _, name := range s.order {
			list = append(list, s.items[name].status)
		}
		s.mu.Unlock()
		_ = json.NewEncoder(w).Encode(list)
	})
	change := func(wanted bool) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			c, ok := s.items[r.FormValue("name")]
			if !ok {
				http.Error(w, fmt.Sprintf("no component %q; there are %v", r.FormValue("name"), s.order), http.StatusNotFound)
				return
			}
			sig := syscall.SIGTERM
			if r.FormValue("kill") != "" {
				sig = syscall.SIGKILL
			}
			s.want(c, wanted, sig)
		}
	}
	mux.HandleFunc("POST /start", change(true))
	mux.HandleFunc("POST /stop", change(false))
	return http.Serve(socket, mux)
}
