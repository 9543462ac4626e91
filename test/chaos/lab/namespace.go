package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// ownNet is the network namespace of the thread that opens it.
const ownNet = "/proc/thread-self/ns/net"

// namespace is a network namespace without a name. It lasts while this process has it open, or
// another process is in it.
type namespace struct {
	// mu is held for reading while somebody enters: nobody may enter what has taken the place of file.
	mu   sync.RWMutex
	file *os.File
}

// newNamespace makes a namespace with nothing but the loopback interface.
func newNamespace() (*namespace, error) {
	n := &namespace{}
	err := onThread(func() error { return unix.Unshare(unix.CLONE_NEWNET) }, func() (err error) {
		n.file, err = os.Open(ownNet)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("making a network namespace: %w", err)
	}
	if err := n.ip("link set lo up"); err != nil {
		n.close()
		return nil, err
	}
	return n, nil
}

// do calls f in a thread that is in the namespace. What f starts or opens, belongs there.
func (n *namespace) do(f func() error) error {
	n.mu.RLock()
	defer n.mu.RUnlock()
	if n.file == nil {
		return os.ErrClosed
	}
	return onThread(func() error { return unix.Setns(int(n.file.Fd()), unix.CLONE_NEWNET) }, f)
}

// path leads to the namespace while it is open, for programs such as ip and nsenter.
func (n *namespace) path() string { return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), n.file.Fd()) }

// close returns when nobody is in it any more.
func (n *namespace) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	_ = n.file.Close()
	n.file = nil
}

// ip runs the ip program in the namespace, once for each line of arguments.
func (n *namespace) ip(lines ...string) error {
	for _, line := range lines {
		err := n.do(func() error {
			said, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput()
			if err != nil {
				return fmt.Errorf("ip %s: %w: %s", line, err, strings.TrimSpace(string(said)))
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// onThread calls f in a thread that enter has moved to another namespace, and moves it back. A
// thread that cannot go back ends, so that nothing else ever runs in it.
func onThread(enter, f func() error) error {
	ended := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		home, err := os.Open(ownNet)
		if err != nil {
			ended <- err
			return
		}
		defer home.Close()
		if err := enter(); err != nil {
			runtime.UnlockOSThread()
			ended <- err
			return
		}
		err = f()
		if back := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); back != nil {
			err = errors.Join(err, fmt.Errorf("leaving a network namespace: %w", back))
		} else {
			runtime.UnlockOSThread()
		}
		ended <- err
	}()
	return <-ended
}
