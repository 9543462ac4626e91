package lab

import (
	"encoding/binary"
	"io"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// wire is a port of a switch whose other end is the test.
type wire struct {
	out  chan []byte // sent by the replica
	mu   sync.Mutex
	got  []uint32 // numbers of the packets that were delivered to it
	when []time.Time
	done chan struct{}
}

func newWire() *wire { return &wire{out: make(chan []byte), done: make(chan struct{})} }

func (w *wire) Read(b []byte) (int, error) {
	select {
	case p := <-w.out:
		return copy(b, p), nil
	case <-w.done:
		return 0, io.EOF
	}
}

func (w *wire) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.got = append(w.got, binary.BigEndian.Uint32(b[20:]))
	w.when = append(w.when, time.Now())
	return len(b), nil
}

func (w *wire) Close() error {
	close(w.done)
	return nil
}

func address(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)}) }

// send makes replica from send packets to another, numbered on from first.
func (w *wire) send(to, first, n int) {
	for i := range n {
		p := make([]byte, 24)
		p[0] = 0x45
		d := address(to).As4()
		copy(p[16:], d[:])
		binary.BigEndian.PutUint32(p[20:], uint32(first+i))
		w.out <- p
	}
}

// between runs f with a switch between three replicas.
func between(t *testing.T, seed uint64, f func(s *Switch, wires []*wire)) {
	t.Helper()
	synctest.Test(t, func(*testing.T) {
		var ports []Port
		var wires []*wire
		for i := range 3 {
			w := newWire()
			wires = append(wires, w)
			ports = append(ports, Port{w, address(i)})
		}
		s := NewSwitch(seed, ports...)
		defer s.Close()
		f(s, wires)
		synctest.Wait()
	})
}

func numbers(n int) (all []uint32) {
	for i := range n {
		all = append(all, uint32(i))
	}
	return all
}

// TCP takes packets out of order for a loss: jitter must not add a fault that nobody asked for.
func TestOrderIsKeptWithJitterAndWhenTheDelayEnds(t *testing.T) {
	between(t, 1, func(s *Switch, w []*wire) {
		s.SetAll(Rule{Delay: 10 * time.Millisecond, Jitter: 20 * time.Millisecond})
		began := time.Now()
		w[0].send(1, 0, 500)
		synctest.Wait()
		s.SetAll(Rule{})
		w[0].send(1, 500, 500) // may not overtake those that wait
		time.Sleep(time.Second)
		synctest.Wait()
		if !slices.Equal(w[1].got, numbers(1000)) {
			t.Errorf("%d packets came, or in another order", len(w[1].got))
		}
		if d := w[1].when[0].Sub(began); d < 10*time.Millisecond || d > 30*time.Millisecond {
			t.Errorf("the first took %v", d)
		}
	})
}

func TestReorderLetsPacketsOvertake(t *testing.T) {
	between(t, 1, func(s *Switch, w []*wire) {
		s.SetAll(Rule{Jitter: 20 * time.Millisecond, Reorder: true})
		w[0].send(1, 0, 100)
		time.Sleep(time.Second)
		synctest.Wait()
		if len(w[1].got) != 100 || slices.IsSorted(w[1].got) {
			t.Errorf("%d packets, sorted %v", len(w[1].got), slices.IsSorted(w[1].got))
		}
	})
}

// The run of a seed can be had again only if the same packets are lost.
func TestLossAndDuplicatesFollowTheSeed(t *testing.T) {
	var runs [][]uint32
	for _, seed := range []uint64{7, 7, 8} {
		between(t, seed, func(s *Switch, w []*wire) {
			s.SetAll(Rule{Loss: 0.05, Duplicate: 0.1})
			w[0].send(1, 0, 10000)
			synctest.Wait()
			runs = append(runs, w[1].got)
		})
	}
	lost, twice := 10000, 0
	for i, n := range runs[0] {
		if i > 0 && n == runs[0][i-1] {
			twice++
		} else {
			lost--
		}
	}
	if lost < 400 || lost > 600 || twice < 800 || twice > 1100 {
		t.Errorf("of 10000 packets %d were lost and %d came twice", lost, twice)
	}
	if !slices.Equal(runs[0], runs[1]) || slices.Equal(runs[0], runs[2]) {
		t.Error("what is lost must depend on the seed and on nothing else")
	}
}

func TestDropIsOneWay(t *testing.T) {
	between(t, 1, func(s *Switch, w []*wire) {
		s.Set(0, 1, Rule{Drop: true})
		w[0].send(1, 0, 10)
		w[1].send(0, 0, 10)
		w[0].send(2, 0, 10)
		synctest.Wait()
		if len(w[1].got) != 0 || len(w[0].got) != 10 || len(w[2].got) != 10 {
			t.Errorf("delivered: %d, %d, %d", len(w[1].got), len(w[0].got), len(w[2].got))
		}
	})
}

// What was under way when a cable is cut does not arrive.
func TestCutLosesWhatIsUnderWay(t *testing.T) {
	between(t, 1, func(s *Switch, w []*wire) {
		s.SetAll(Rule{Delay: 100 * time.Millisecond})
		w[0].send(1, 0, 10)
		synctest.Wait()
		s.SetAll(Rule{Drop: true})
		time.Sleep(time.Second)
		synctest.Wait()
		s.SetAll(Rule{})
		w[0].send(1, 10, 1)
		synctest.Wait()
		if !slices.Equal(w[1].got, []uint32{10}) {
			t.Errorf("delivered: %v", w[1].got)
		}
	})
}

func TestSplitSeparatesGroups(t *testing.T) {
	between(t, 1, func(s *Switch, w []*wire) {
		s.Split([]int{0, 2}, []int{1})
		for from := range 3 {
			for to := range 3 {
				if from != to {
					w[from].send(to, 10*from, 1)
				}
			}
		}
		synctest.Wait()
		if !slices.Equal(w[0].got, []uint32{20}) || len(w[1].got) != 0 || !slices.Equal(w[2].got, []uint32{0}) {
			t.Errorf("delivered: %v %v %v", w[0].got, w[1].got, w[2].got)
		}
	})
}
