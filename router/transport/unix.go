package transport

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"syscall"
)

// ListenUnix listens on a Unix socket. mode is that of the file: who may write to it may connect.
// A file that a router left behind when it was killed is replaced; one on which somebody listens, or
// that is no socket, is left alone. Closing the listener removes the file, unless another has taken
// its place.
func ListenUnix(path string, mode os.FileMode) (net.Listener, error) {
	if err := stale(path); err != nil {
		return nil, err
	}
	// Bound under another name, given its mode, and only then put where clients look: nobody
	// can connect in between who should not.
	own := path + "." + strconv.Itoa(os.Getpid())
	_ = os.Remove(own)
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: own, Net: "unix"})
	if errors.Is(err, syscall.EINVAL) {
		return nil, fmt.Errorf("listening on %s: the path is too long for a Unix socket, of which the system takes about 100 bytes", path)
	}
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", path, err)
	}
	ln.SetUnlinkOnClose(false)
	if err = os.Chmod(own, mode.Perm()); err == nil {
		err = os.Rename(own, path)
	}
	var file os.FileInfo
	if err == nil {
		file, err = os.Lstat(path)
	}
	if err != nil {
		_ = ln.Close()
		_ = os.Remove(own)
		return nil, fmt.Errorf("listening on %s: %w", path, err)
	}
	return &unixListener{UnixListener: ln, path: path, file: file}, nil
}

// stale says why the file at path must stay; nil when there is none, or one that may be replaced.
func stale(path string) error {
	file, err := os.Lstat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("listening on %s: %w", path, err)
	case file.Mode().Type() != os.ModeSocket:
		return fmt.Errorf("listening on %s: a file that is not a socket is there: remove it, or write another path", path)
	}
	nc, err := net.Dial("unix", path)
	if err == nil {
		_ = nc.Close()
		return fmt.Errorf("listening on %s: another process listens there", path)
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return nil
	}
	return fmt.Errorf("listening on %s: %w", path, err)
}

type unixListener struct {
	*net.UnixListener
	path string
	file os.FileInfo
}

// Addr is where clients connect.
func (l *unixListener) Addr() net.Addr { return &net.UnixAddr{Name: l.path, Net: "unix"} }

// Accept gives a connection that knows where it was accepted.
func (l *unixListener) Accept() (net.Conn, error) {
	nc, err := l.AcceptUnix()
	if err != nil {
		return nil, err
	}
	return &unixConn{UnixConn: nc, local: l.Addr()}, nil
}

type unixConn struct {
	*net.UnixConn
	local net.Addr
}

func (c *unixConn) LocalAddr() net.Addr { return c.local }

func (l *unixListener) Close() error {
	if now, err := os.Lstat(l.path); err == nil && os.SameFile(now, l.file) {
		_ = os.Remove(l.path)
	}
	return l.UnixListener.Close()
}
