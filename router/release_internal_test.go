package router

import "testing"

// Memory is given back once after each burst of clients, when it is over.
func TestBurstOfClientsIsOverOnce(t *testing.T) {
	b := burst{least: clientBurst}
	for i, step := range []struct {
		open int64
		over bool
	}{
		{0, false}, {900, false}, {900, false}, {1500, false}, {1550, true}, {1550, false}, {2400, false}, {2400, false},
		{100, false}, {100, false}, {1200, false}, {1210, true},
	} {
		if got := b.over(step.open); got != step.over {
			t.Errorf("step %d, %d clients: %v", i, step.open, got)
		}
	}
}
