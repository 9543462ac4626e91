package socket

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// both runs a test with the two ends of a connection, for each kind of connection.
func both(t *testing.T, test func(t *testing.T, s *Socket, there net.Conn)) {
	over(t, []string{"tcp", "unix", "pipe"}, test)
}

// over runs a test on some kinds of connections.
func over(t *testing.T, networks []string, test func(t *testing.T, s *Socket, there net.Conn)) {
	for _, network := range networks {
		t.Run(network, func(t *testing.T) {
			var here, there net.Conn
			if network == "pipe" {
				here, there = net.Pipe()
			} else {
				address := "127.0.0.1:0"
				if network == "unix" {
					address = filepath.Join(t.TempDir(), "s")
				}
				l, err := net.Listen(network, address)
				if err != nil {
					t.Fatal(err)
				}
				if there, err = net.Dial(network, l.Addr().String()); err != nil {
					t.Fatal(err)
				}
				if here, err = l.Accept(); err != nil {
					t.Fatal(err)
				}
				_ = l.Close()
			}
			t.Cleanup(func() { _, _ = here.Close(), there.Close() })
			s := New(here)
			if s.Direct() != (network != "pipe") {
				t.Errorf("%s is direct: %v", network, s.Direct())
			}
			test(t, s, there)
		})
	}
}

// What is written arrives whole and in order, also when the other side is slow and a write is
// taken in parts.
func TestPartialWrites(t *testing.T) {
	both(t, func(t *testing.T, s *Socket, there net.Conn) {
		want := bytes.Repeat([]byte("0123456789abcde"), 1<<20)
		go func() {
			if n, err := s.Write(want); n != len(want) || err != nil {
				t.Errorf("wrote %d bytes, %v", n, err)
			}
			_ = s.conn.Close()
		}()
		time.Sleep(10 * time.Millisecond) // the writer has to wait
		got, err := io.ReadAll(there)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("read %d bytes, %v", len(got), err)
		}
	})
}

// A try takes what there is room for, and no more, and does not wait.
func TestTryWriteDoesNotWait(t *testing.T) {
	both(t, func(t *testing.T, s *Socket, there net.Conn) {
		chunk := make([]byte, 64<<10)
		total := 0
		for {
			n := s.TryWrite(chunk)
			if total += n; n < len(chunk) {
				break
			}
			if total > 256<<20 {
				t.Fatal("there is room for everything")
			}
		}
		if s.Direct() == (total == 0) {
			t.Fatalf("%d bytes were taken", total)
		}
		if n := s.TryWrite(chunk); n == len(chunk) {
			t.Error("a full connection took all")
		}
	})
}

// A read waits for what comes, and gives the end of the stream as net.Conn does.
func TestReadWaits(t *testing.T) {
	both(t, func(t *testing.T, s *Socket, there net.Conn) {
		go func() {
			for range 3 {
				time.Sleep(5 * time.Millisecond)
				_, _ = there.Write([]byte("hello"))
			}
			_ = there.Close()
		}()
		got, err := io.ReadAll(s)
		if string(got) != "hellohellohello" || err != nil {
			t.Errorf("read %q, %v", got, err)
		}
		if n, err := s.Read(nil); n != 0 || s.Direct() && err != nil {
			t.Errorf("a read of nothing gave %d, %v", n, err)
		}
	})
}

// Deadlines hold for reads and writes that wait.
func TestDeadlines(t *testing.T) {
	both(t, func(t *testing.T, s *Socket, there net.Conn) {
		_ = s.conn.SetDeadline(time.Now().Add(20 * time.Millisecond))
		if _, err := s.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("read: %v", err)
		}
		if n := s.TryWrite([]byte("x")); n != 0 {
			t.Error("a try wrote after the deadline")
		}
		_ = s.conn.SetDeadline(time.Now().Add(20 * time.Millisecond))
		if _, err := s.Write(make([]byte, 64<<20)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("write: %v", err)
		}
	})
}

// Closing ends a read that waits, and everything after it fails.
func TestClose(t *testing.T) {
	both(t, func(t *testing.T, s *Socket, there net.Conn) {
		failed := make(chan error)
		go func() {
			_, err := s.Read(make([]byte, 1))
			failed <- err
		}()
		time.Sleep(10 * time.Millisecond)
		_ = s.conn.Close()
		if err := <-failed; !errors.Is(err, net.ErrClosed) && !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("read: %v", err)
		}
		if _, err := s.Read(make([]byte, 1)); err == nil || err == io.EOF {
			t.Errorf("read after close: %v", err)
		}
		if n := s.TryWrite([]byte("x")); n != 0 {
			t.Error("a try wrote after close")
		}
		if _, err := s.Write([]byte("x")); err == nil {
			t.Error("wrote after close")
		}
	})
}

// What the other side did to the connection is told as by net.Conn.
func TestReset(t *testing.T) {
	over(t, []string{"tcp"}, func(t *testing.T, s *Socket, there net.Conn) {
		tcp := there.(*net.TCPConn)
		_ = tcp.SetLinger(0)
		_ = tcp.Close()
		if _, err := s.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("read: %v", err)
		}
		for deadline := time.Now().Add(5 * time.Second); ; {
			if _, err := s.Write([]byte("x")); err != nil {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("writing to a reset connection goes on")
			}
		}
	})
}

// Neither a read nor a write allocates.
func TestNoAllocation(t *testing.T) {
	over(t, []string{"tcp", "unix"}, func(t *testing.T, s *Socket, there net.Conn) {
		b := make([]byte, 16)
		if n := testing.AllocsPerRun(100, func() {
			_, _ = there.Write(b)
			_, _ = s.Read(b)
			_, _ = s.Write(b)
			_, _ = there.Read(b)
		}); n > 0 {
			t.Errorf("%.0f allocations", n)
		}
	})
}
