//go:build linux && !race

package socket

import (
	"syscall"
	"unsafe"
)

func direct(c syscall.Conn) (syscall.RawConn, error) { return c.SyscallConn() }

// The sockets that package net makes do not block, so these return at once.

func read(fd uintptr, b []byte) (int, syscall.Errno) {
	n, _, err := syscall.RawSyscall(syscall.SYS_READ, fd, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
	if err != 0 {
		return 0, err
	}
	return int(n), 0
}

func write(fd uintptr, b []byte) (int, syscall.Errno) {
	n, _, err := syscall.RawSyscall(syscall.SYS_WRITE, fd, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
	if err != 0 {
		return 0, err
	}
	return int(n), 0
}
