package cluster

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
)

// bubbleTransport is what memberlist of one node needs of the network.
type bubbleTransport struct {
	host    *bubbleHost
	streams *bubbleListener
	packets chan *memberlist.Packet
	once    sync.Once
}

func newBubbleTransport(h *bubbleHost, l *bubbleListener) *bubbleTransport {
	t := &bubbleTransport{host: h, streams: l, packets: make(chan *memberlist.Packet, 1024)}
	h.net.mu.Lock()
	h.udp = t
	h.net.mu.Unlock()
	return t
}

func (t *bubbleTransport) FinalAdvertiseAddr(string, int) (net.IP, int, error) {
	return net.ParseIP(t.host.ip).To4(), t.streams.port, nil
}

// WriteTo sends a packet, which may be lost, arrive late, or twice.
func (t *bubbleTransport) WriteTo(b []byte, address string) (time.Time, error) {
	n := t.host.net
	n.mu.Lock()
	defer n.mu.Unlock()
	n.packets++
	to, _ := n.at(address)
	if to == nil || t.host.gone || t.host.paused || n.chance(n.loss) {
		n.lost++
		return time.Now(), nil
	}
	t.send(to, append([]byte(nil), b...))
	if n.chance(n.twice) {
		t.send(to, append([]byte(nil), b...))
	}
	return time.Now(), nil
}

func (t *bubbleTransport) send(to *bubbleHost, b []byte) {
	n := t.host.net
	after := n.transit()
	if n.chance(n.late) {
		after += n.upTo(time.Second)
	}
	time.AfterFunc(after, func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		if to.paused && len(to.parked) < 200 {
			to.parked = append(to.parked, func() { t.arrive(to, b) })
			return
		}
		if n.passes(t.host, to) {
			t.arrive(to, b)
		}
	})
}

func (t *bubbleTransport) arrive(to *bubbleHost, b []byte) {
	if to.gone || to.udp == nil {
		return
	}
	p := &memberlist.Packet{Buf: b, From: t.host.address(t.streams.port), Timestamp: time.Now()}
	select {
	case to.udp.packets <- p:
	default: // the machine's buffer is full
	}
}

func (t *bubbleTransport) PacketCh() <-chan *memberlist.Packet { return t.packets }

func (t *bubbleTransport) StreamCh() <-chan net.Conn { return t.streams.conns }

func (t *bubbleTransport) DialTimeout(address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return t.host.connect(ctx, address)
}

func (t *bubbleTransport) Shutdown() error {
	t.once.Do(func() {
		t.host.net.mu.Lock()
		t.host.udp = nil
		t.host.net.mu.Unlock()
		_ = t.streams.Close()
	})
	return nil
}
