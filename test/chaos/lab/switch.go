package lab

import (
	"io"
	"math/rand/v2"
	"net/netip"
	"sync"
)

// Switch forwards IPv4 packets between replicas by their destination. Replicas are told by their
// place in the list that it was made of.
type Switch struct {
	ports   []Port
	lines   [][]*line // from, to
	readers sync.WaitGroup
}

// Port is where one replica is connected: Read gives a packet that it sent, Write delivers one.
type Port struct {
	io.ReadWriteCloser
	Address netip.Addr
}

// NewSwitch begins to forward. The seed decides which packets are lost or come twice.
func NewSwitch(seed uint64, ports ...Port) *Switch {
	s := &Switch{ports: ports}
	for from := range ports {
		row := make([]*line, len(ports))
		for to := range ports {
			row[to] = newLine(ports[to], rand.New(rand.NewPCG(seed, uint64(from)<<32|uint64(to))))
		}
		s.lines = append(s.lines, row)
	}
	for from := range ports {
		s.readers.Go(func() { s.forward(from) })
	}
	return s
}

// forward reads until the port is closed.
func (s *Switch) forward(from int) {
	buffer := make([]byte, 1<<16)
	for {
		n, err := s.ports[from].Read(buffer)
		if err != nil {
			return
		}
		if to := s.receiver(buffer[:n]); to >= 0 {
			s.lines[from][to].send(buffer[:n])
		}
	}
}

// receiver finds the replica that a packet is for; -1 for what is for none of them.
func (s *Switch) receiver(packet []byte) int {
	const header, destination = 20, 16
	if len(packet) < header || packet[0]>>4 != 4 {
		return -1
	}
	address := netip.AddrFrom4([4]byte(packet[destination:]))
	for i := range s.ports {
		if s.ports[i].Address == address {
			return i
		}
	}
	return -1
}

// Set makes a rule for the packets from one replica to another, this way only.
func (s *Switch) Set(from, to int, r Rule) { s.lines[from][to].set(r) }

// SetAll makes a rule for all packets; the zero Rule ends all faults.
func (s *Switch) SetAll(r Rule) {
	for from := range s.lines {
		for to := range s.lines[from] {
			s.Set(from, to, r)
		}
	}
}

// Split keeps replicas of different groups from one another, both ways; those in no group are alone.
func (s *Switch) Split(groups ...[]int) {
	group := map[int]int{}
	for number, members := range groups {
		for _, member := range members {
			group[member] = number + 1
		}
	}
	for from := range s.ports {
		for to := range s.ports {
			same := from == to || group[from] == group[to] && group[from] != 0
			s.Set(from, to, Rule{Drop: !same})
		}
	}
}

// Close closes the ports, and returns when nothing is forwarded any more.
func (s *Switch) Close() {
	for i := range s.ports {
		_ = s.ports[i].Close()
	}
	s.readers.Wait()
	for _, row := range s.lines {
		for _, l := range row {
			l.close()
		}
	}
}
