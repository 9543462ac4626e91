package lab

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// newLab makes the network of three replicas without the routers.
func newLab(t *testing.T) *Lab {
	t.Helper()
	l, err := New(Config{Replicas: 3, Dir: t.TempDir(), Router: "/bin/false", Seed: 1})
	if errors.Is(err, ErrNotAllowed) || errors.Is(err, os.ErrPermission) || errors.Is(err, os.ErrNotExist) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

// echo answers on a port of a replica.
func echo(t *testing.T, l *Lab, i int, address string) {
	t.Helper()
	err := l.spaces[i].do(func() error {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			return err
		}
		t.Cleanup(func() { _ = listener.Close() })
		go func() {
			for {
				c, err := listener.Accept()
				if err != nil {
					return
				}
				go func() {
					defer c.Close()
					_, _ = io.Copy(c, c)
				}()
			}
		}()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// says sends n bytes over a connection and waits until they are back.
func says(c net.Conn, n int, limit time.Duration) error {
	_ = c.SetDeadline(time.Now().Add(limit))
	go func() { _, _ = c.Write(make([]byte, n)) }()
	_, err := io.ReadFull(c, make([]byte, n))
	return err
}

func dialFrom(t *testing.T, n *namespace, address string) (conn net.Conn, err error) {
	t.Helper()
	_ = n.do(func() error {
		conn, err = net.DialTimeout("tcp", address, time.Second)
		return nil
	})
	if conn != nil {
		t.Cleanup(func() { _ = conn.Close() })
	}
	return conn, err
}

// The faults between replicas are real only if there is no other way between them, and they must not
// touch the clients.
func TestReplicasMeetOnlyOverTheSwitch(t *testing.T) {
	l := newLab(t)
	echo(t, l, 1, ":7000")
	between, err := dialFrom(t, l.spaces[0], "198.18.0.2:7000")
	if err != nil {
		t.Fatal(err)
	}
	client, err := l.Dial(t.Context(), "tcp", "198.19.2.2:7000")
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := says(between, 8<<20, 10*time.Second); err != nil {
		t.Fatal("through the switch:", err)
	}
	l.Switch.Split([]int{0}, []int{1, 2})
	if err := says(between, 1, 300*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("across the split: %v", err)
	}
	if _, err := dialFrom(t, l.spaces[0], "198.19.2.2:7000"); err == nil {
		t.Error("a replica reaches another over the network of the clients")
	}
	if err := says(client, 1<<20, 5*time.Second); err != nil {
		t.Error("a client during the split:", err)
	}
	l.Heal()
	if err := says(between, 1, 10*time.Second); err != nil { // TCP sends again what was lost
		t.Error("after the split:", err)
	}
}

// What tests make must not stay on the machine, nor be seen by it.
func TestNothingIsVisibleOutside(t *testing.T) {
	before, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	l := newLab(t)
	after, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	if len(before) != len(after) {
		t.Errorf("interfaces before: %v, with a lab: %v", before, after)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if c, err := l.Dial(ctx, "tcp", "127.0.0.1:22"); err == nil {
		_ = c.Close()
		t.Error("the clients' namespace reaches the machine")
	}
}
