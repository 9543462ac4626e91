package cluster

import (
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// An owner that was asleep for so long that the others may have replaced it grants nothing
// before it has claimed its slots again.
func TestAsleepOwnerGrantsNothing(t *testing.T) {
	s := newSimNet(1)
	a, b := s.start("a"), s.start("b")
	s.run(s.now.Add(2 * time.Second))
	var uri string
	for _, candidate := range []string{"com.example.a", "com.example.b", "com.example.c", "com.example.d", "com.example.e"} {
		if a.m.table.slots[slotOf(RegistrationID("realm1", Exact, candidate))].active.Load() != 0 {
			uri = candidate
		}
	}
	if uri == "" || !a.m.settled() || !b.m.settled() {
		t.Fatal("the two members do not share the slots")
	}
	granted := false
	s.now = s.now.Add(asleep + time.Millisecond)
	k := listKey{Realm: "realm1", URI: uri, Session: 1}
	a.step(func(m *machine) { m.register(k, Single, 0, nil, func(_ wamp.ID, err error) { granted = err == nil }) })
	if _, ok := a.m.ownEntry(k); ok {
		t.Fatal("it granted a place although it may have been replaced")
	}
	s.run(s.now.Add(2 * time.Second))
	if !granted {
		t.Error("it never granted the place")
	}
}

// While a callee has no room the calls of its procedure wait, but for one at a time that finds
// out, more and more rarely; an answer lets them all through.
func TestCrowd(t *testing.T) {
	var c crowds
	c.marks.init()
	now := time.Unix(1, 0)
	if c.closed(7, stopped(now)) {
		t.Error("closed although nobody was refused")
	}
	c.mark(7, now)
	c.mark(7, now) // another call of the same moment
	tries := 0
	for range 1000 {
		now = now.Add(time.Millisecond)
		if !c.closed(7, stopped(now)) {
			tries++
			c.mark(7, now)
		}
	}
	if tries < 4 || tries > 12 {
		t.Errorf("%d calls found out in a second", tries)
	}
	if c.closed(8, stopped(now)) {
		t.Error("calls of another procedure wait")
	}
	c.clear(7)
	if c.closed(7, stopped(now)) || c.n.Load() != 0 {
		t.Error("closed after an answer")
	}
}

// stopped is a clock that stands.
type stopped time.Time

func (s stopped) Now() time.Time                  { return time.Time(s) }
func (s stopped) AfterFunc(time.Duration, func()) {}
