package cluster

import (
	"testing"
	"time"
)

// One change by itself does not wait; a hundred seconds of them, fifty a second, make a few dozen
// compilations; and after a pause the next one does not wait again.
func TestPace(t *testing.T) {
	now := time.Unix(1000, 0)
	var p pace
	compilations := 0
	for range 5000 {
		if p.wait(now) == 0 {
			p.done(now)
			compilations++
		}
		now = now.Add(20 * time.Millisecond)
	}
	if compilations < 40 || compilations > 70 {
		t.Errorf("%d compilations in 100 s of changes", compilations)
	}
	now = now.Add(5 * time.Second)
	if wait := p.wait(now); wait != 0 {
		t.Errorf("a change after a pause waits %s", wait)
	}
	p.done(now)
	if wait := p.wait(now); wait != paceMin {
		t.Errorf("the one after it waits %s", wait)
	}
}
