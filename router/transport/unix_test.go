package transport

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Both transports work on a Unix socket, in the clear whatever the port does, and the file is gone
// afterwards.
func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "router.sock")
	ln, err := ListenUnix(path, 0o620)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o620 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	cert, _ := certificate(t)
	infos := make(chan *Info, 10)
	s := &Server{TLS: tlsOf(cert), Config: Config{MaxPerAddress: 1, Proxies: loopback}, Handler: func(c Conn) {
		infos <- c.Info()
		echo(c)
	}}
	startServer(t, s) // the port beside it
	served := make(chan error, 1)
	go func() { served <- s.Serve(ln) }()
	for _, url := range []string{"unix://" + path, "ws+unix://" + path, "unix://" + path} {
		calls(t, dial(t, &Dialer{}, url, wamp.CBOR), 3, func(int) string { return "x" })
		if i := within(t, infos); i.Peer.Network() != "unix" || i.TLS != nil || i.Local.String() != path {
			t.Errorf("%+v", i)
		}
	}
	_ = ln.Close()
	if err := within(t, served); err == nil {
		t.Error("Serve ends without an error")
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Error("the file stays")
	}
}

// A file that a killed router left is replaced; a socket that is in use and a file that is none are
// not.
func TestUnixSocketFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "router.sock")
	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ListenUnix(path, 0o600); err == nil || !strings.Contains(err.Error(), "another process listens there") {
		t.Error(err)
	}
	left.SetUnlinkOnClose(false)
	_ = left.Close()
	ln, err := ListenUnix(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	// Somebody else takes the place: closing must leave that file alone.
	other := filepath.Join(dir, "other")
	if err := os.WriteFile(other, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(other, path); err != nil {
		t.Fatal(err)
	}
	_ = ln.Close()
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
	if _, err := ListenUnix(path, 0o600); err == nil || !strings.Contains(err.Error(), "a file that is not a socket is there") {
		t.Error(err)
	}
	if _, err := ListenUnix(filepath.Join(dir, strings.Repeat("x", 120)), 0o600); err == nil || !strings.Contains(err.Error(), "too long") {
		t.Error(err)
	}
	if _, err := ListenUnix(filepath.Join(dir, "no", "folder"), 0o600); err == nil {
		t.Error("listens in a folder that is not there")
	}
	_ = syscall.Unlink(path)
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("files left: %v", entries)
	}
}
