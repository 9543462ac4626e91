package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

const (
	startTimeout = 20 * time.Second
	stopTimeout  = 5 * time.Second
)

// Server is a process that serves until it is stopped.
type Server struct {
	PID  int
	name string
	cmd  *exec.Cmd
	log  string
	done chan struct{}
}

// Start starts a program and waits until it listens at the addresses. What it logs goes to a
// file in dir. It ends with the calling process, however that ends.
func Start(ctx context.Context, dir, name string, listens []string, program string, args ...string) (*Server, error) {
	s := &Server{name: name, log: filepath.Join(dir, name+".log"), done: make(chan struct{})}
	output, err := os.Create(s.log)
	if err != nil {
		return nil, err
	}
	defer output.Close()
	s.cmd = exec.Command(program, args...)
	s.cmd.Stdout, s.cmd.Stderr = output, output
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	s.PID = s.cmd.Process.Pid
	go func() {
		defer close(s.done)
		_ = s.cmd.Wait()
	}()
	for _, address := range listens {
		if err := s.Await(ctx, "listen at "+address, func() bool { return listening(address) }); err != nil {
			s.Stop()
			return nil, err
		}
	}
	return s, nil
}

func listening(address string) bool {
	c, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}

// Await waits until the server does what it should.
func (s *Server) Await(ctx context.Context, what string, does func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for !does() {
		select {
		case <-look.C:
		case <-s.done:
			return fmt.Errorf("%s ended; it logged:\n%s", s.name, s.Log())
		case <-ctx.Done():
			return fmt.Errorf("%s does not %s; it logged:\n%s", s.name, what, s.Log())
		}
	}
	return nil
}

// Log is the end of what the server logged.
func (s *Server) Log() []byte {
	b, _ := os.ReadFile(s.log)
	return bytes.TrimSpace(b[max(0, len(b)-4096):])
}

// Stop ends the server, gently first.
func (s *Server) Stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.done:
	case <-time.After(stopTimeout):
		_ = s.cmd.Process.Kill()
		<-s.done
	}
}

// FreePorts finds ports of the loopback interface that nobody listens at.
func FreePorts(n int) (ports []int, err error) {
	for range n {
		l, e := net.Listen("tcp", "127.0.0.1:0")
		if e != nil {
			return nil, e
		}
		defer func() { err = errors.Join(err, l.Close()) }()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}
