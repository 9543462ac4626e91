//go:build unix && (!linux || race)

package socket

import (
	"errors"
	"syscall"
)

func direct(c syscall.Conn) (syscall.RawConn, error) { return c.SyscallConn() }

// Elsewhere, and under the race detector, which must see what is read and written, these are the
// calls of package syscall.

func read(fd uintptr, b []byte) (int, syscall.Errno) { return outcome(syscall.Read(int(fd), b)) }

func write(fd uintptr, b []byte) (int, syscall.Errno) { return outcome(syscall.Write(int(fd), b)) }

func outcome(n int, err error) (int, syscall.Errno) {
	if err == nil {
		return n, 0
	}
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		errno = syscall.EIO
	}
	return 0, errno
}
