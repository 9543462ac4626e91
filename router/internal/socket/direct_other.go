//go:build !unix

package socket

import (
	"errors"
	"syscall"
)

// direct: here every connection is asked.
func direct(syscall.Conn) (syscall.RawConn, error) { return nil, errors.ErrUnsupported }

func read(uintptr, []byte) (int, syscall.Errno) { return 0, syscall.EINVAL }

func write(uintptr, []byte) (int, syscall.Errno) { return 0, syscall.EINVAL }
