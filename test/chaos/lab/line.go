package lab

import (
	"bytes"
	"container/heap"
	"io"
	"math/rand/v2"
	"sync"
	"time"
)

// lineRoom is how many bytes may be under way from one replica to another; beyond it packets are lost.
const lineRoom = 64 << 20

// line carries the packets from one replica to another.
type line struct {
	to io.Writer

	mu      sync.Mutex
	rule    Rule
	random  *rand.Rand
	waiting packets
	held    int       // bytes that wait
	last    time.Time // when the packet is due that was sent last
	sent    uint64    // packets so far; their numbers order those that are due at once
	timer   *time.Timer
	closed  bool
}

func newLine(to io.Writer, random *rand.Rand) *line { return &line{to: to, random: random} }

func (l *line) set(r Rule) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rule = r
}

// send takes a packet; the bytes are the sender's again when it returns. A receiver that takes no
// packets loses them.
func (l *line) send(packet []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for range l.rule.copies(l.random) {
		latency := l.rule.latency(l.random)
		switch {
		case l.closed:
			return
		case latency == 0 && len(l.waiting) == 0:
			_, _ = l.to.Write(packet)
		case l.held+len(packet) <= lineRoom:
			l.queue(packet, time.Now().Add(latency))
		}
	}
}

func (l *line) queue(content []byte, due time.Time) {
	if due.Before(l.last) && !l.rule.Reorder {
		due = l.last
	}
	l.last = due
	l.sent++
	heap.Push(&l.waiting, packet{due: due, number: l.sent, content: bytes.Clone(content)})
	l.held += len(content)
	if l.waiting[0].number == l.sent {
		l.arm()
	}
}

// arm wakes deliver when the next packet is due.
func (l *line) arm() {
	wait := time.Until(l.waiting[0].due)
	if l.timer == nil {
		l.timer = time.AfterFunc(wait, l.deliver)
		return
	}
	l.timer.Reset(wait)
}

// deliver hands over what is due. What was under way when the line was cut is lost.
func (l *line) deliver() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for now := time.Now(); len(l.waiting) > 0 && !l.waiting[0].due.After(now); {
		p := heap.Pop(&l.waiting).(packet)
		l.held -= len(p.content)
		if !l.rule.Drop && !l.closed {
			_, _ = l.to.Write(p.content)
		}
	}
	if len(l.waiting) > 0 {
		l.arm()
	}
}

func (l *line) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed, l.waiting, l.held = true, nil, 0
	if l.timer != nil {
		l.timer.Stop()
	}
}

type packet struct {
	due     time.Time
	number  uint64
	content []byte
}

// packets is a heap: the one that is due first comes first.
type packets []packet

func (p packets) Len() int      { return len(p) }
func (p packets) Swap(i, j int) { p[i], p[j] = p[j], p[i] }
func (p *packets) Push(x any)   { *p = append(*p, x.(packet)) }

func (p packets) Less(i, j int) bool {
	if p[i].due.Equal(p[j].due) {
		return p[i].number < p[j].number
	}
	return p[i].due.Before(p[j].due)
}

func (p *packets) Pop() any {
	old := *p
	last := old[len(old)-1]
	old[len(old)-1] = packet{}
	*p = old[:len(old)-1]
	return last
}
