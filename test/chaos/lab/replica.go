package lab

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// Replica is one router. It may run as a process again and again, under the same name.
type Replica struct {
	Name string
	// Address is where clients connect, for Lab.Dial.
	Address string
	number  int
	lab     *Lab
	space   *namespace
	watch   *watcher

	mu      sync.Mutex
	program string
	process *process
}

// process is one run of a replica.
type process struct {
	cmd *exec.Cmd
	// ended is closed when it has ended, and err is how.
	ended chan struct{}
	err   error
}

func newReplica(l *Lab, i int, space *namespace) *Replica {
	return &Replica{
		Name: fmt.Sprintf("router-%d", i), Address: fmt.Sprintf("%s.%d.2:%d", clientNets, i+1, clientPort),
		number: i, lab: l, space: space, program: l.cfg.Router,
		watch: newWatcher(l, fmt.Sprintf("%s.%d.2:%d", clientNets, i+1, adminPort)),
	}
}

// Number is the place of the replica in Lab.Replicas, and in the switch.
func (r *Replica) Number() int { return r.number }

// Runs says which program the replica runs when it is started next: another version of the router.
func (r *Replica) Runs(program string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.program = program
}

// Start starts the process and returns at once. What it logs is added to NAME.log. The process ends
// with this one, however that ends.
func (r *Replica) Start() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.process != nil {
		select {
		case <-r.process.ended:
		default:
			return fmt.Errorf("%s runs already", r.Name)
		}
	}
	log, err := os.OpenFile(filepath.Join(r.lab.cfg.Dir, r.Name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	p := &process{ended: make(chan struct{})}
	p.cmd = exec.Command(r.program, "serve", "--config", filepath.Join(r.lab.cfg.Dir, r.Name+".yaml"), "--log-level", r.lab.cfg.LogLevel)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := r.space.do(p.cmd.Start); err != nil {
		return fmt.Errorf("starting %s: %w", r.Name, err)
	}
	go func() {
		defer close(p.ended)
		p.err = p.cmd.Wait()
	}()
	r.process = p
	return nil
}

// Kill ends the process as a machine that fails does: nobody is told.
func (r *Replica) Kill() error {
	p, err := r.signal(syscall.SIGKILL)
	if err != nil {
		return err
	}
	<-p.ended
	return nil
}

// Pause stops the process where it stands; its connections stay. Resume lets it go on.
func (r *Replica) Pause() error { return r.only(syscall.SIGSTOP) }

// Resume lets a process that was paused go on.
func (r *Replica) Resume() error { return r.only(syscall.SIGCONT) }

// Terminate asks the process to leave gently, and returns when it has ended.
func (r *Replica) Terminate() error {
	p, err := r.signal(syscall.SIGTERM)
	if err != nil {
		return err
	}
	limit := r.lab.cfg.DrainTimeout + 20*time.Second
	select {
	case <-p.ended:
	case <-time.After(limit):
		return fmt.Errorf("%s runs %v after it was asked to stop", r.Name, limit)
	}
	if p.err != nil {
		return fmt.Errorf("%s was asked to stop, and ended with: %w", r.Name, p.err)
	}
	return nil
}

// PID is the id of the process, 0 when there is none.
func (r *Replica) PID() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.process == nil {
		return 0
	}
	select {
	case <-r.process.ended:
		return 0
	default:
		return r.process.cmd.Process.Pid
	}
}

func (r *Replica) only(s syscall.Signal) error {
	_, err := r.signal(s)
	return err
}

func (r *Replica) signal(s syscall.Signal) (*process, error) {
	r.mu.Lock()
	p := r.process
	r.mu.Unlock()
	if p == nil {
		return nil, fmt.Errorf("%s does not run", r.Name)
	}
	if err := p.cmd.Process.Signal(s); err != nil {
		return nil, fmt.Errorf("%s to %s: %w", s, r.Name, err)
	}
	return p, nil
}

func (r *Replica) close() {
	r.watch.close()
	r.mu.Lock()
	p := r.process
	r.mu.Unlock()
	if p != nil {
		_ = p.cmd.Process.Kill() // it may have ended
		<-p.ended
	}
}
