package demo

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/wamp-operator/wamp-operator/test/app"
)

// load are callers in the client pod that call all the time.
type load struct {
	command *exec.Cmd
	stop    io.WriteCloser
	events  *bufio.Scanner
}

// startLoad starts callers at these routers; end has to be called.
func (d *Demo) startLoad(ctx context.Context, uri string, routers []string) (*load, error) {
	l := &load{command: d.Cluster.Command(ctx, "kubectl", "exec", "-i", "-n", Namespace, clientPod, "--",
		"wamp-demo", "load", "-routers", strings.Join(routers, ","), uri)}
	var err error
	if l.stop, err = l.command.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := l.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	l.command.Stderr = os.Stderr
	if err := l.command.Start(); err != nil {
		return nil, err
	}
	l.events = bufio.NewScanner(out)
	return l, nil
}

func (l *load) end() {
	_ = l.stop.Close()
	_ = l.command.Wait()
}

// sum lets the callers stop, and gives what became of their calls.
func (l *load) sum() (app.Load, error) {
	_ = l.stop.Close()
	for l.events.Scan() {
		var e app.LoadEvent
		if err := json.Unmarshal(l.events.Bytes(), &e); err != nil {
			return app.Load{}, err
		}
		if e.Sum != nil {
			return *e.Sum, nil
		}
	}
	return app.Load{}, fmt.Errorf("the callers ended without a sum: %w", scanError(l.events))
}

// UnderLoad runs a function while callers at these routers call a procedure all the time, and gives what
// became of their calls.
func (d *Demo) UnderLoad(ctx context.Context, uri string, routers []string, f func() error) (app.Load, error) {
	l, err := d.startLoad(ctx, uri, routers)
	if err != nil {
		return app.Load{}, err
	}
	defer l.end()
	if _, err := newcomer(l.events); err != nil {
		return app.Load{}, fmt.Errorf("no call was answered: %w", err)
	}
	if err := f(); err != nil {
		return app.Load{}, err
	}
	return l.sum()
}

// newcomer reads the name of the next callee that answered for the first time.
func newcomer(events *bufio.Scanner) (string, error) {
	if !events.Scan() {
		return "", scanError(events)
	}
	var e app.LoadEvent
	if err := json.Unmarshal(events.Bytes(), &e); err != nil {
		return "", fmt.Errorf("reading %q: %w", events.Text(), err)
	}
	if e.Callee == "" {
		return "", fmt.Errorf("the callers stopped")
	}
	return e.Callee, nil
}

func scanError(s *bufio.Scanner) error {
	if err := s.Err(); err != nil {
		return err
	}
	return io.ErrUnexpectedEOF
}
