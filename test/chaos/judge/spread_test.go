package judge

import (
	"testing"

	"github.com/wamp-operator/wamp-operator/test/chaos/history"
)

func TestSpread(t *testing.T) {
	tests := []struct {
		name       string
		play       func(*tape)
		difference int64
		counted    int64
	}{
		{"even", func(h *tape) { h.registers(1, 2, 3); h.calls(1, 2, 3, 1, 2, 3) }, 1, 6},
		{"in the middle of a round", func(h *tape) { h.registers(1, 2, 3); h.calls(2, 3, 1, 2) }, 1, 4},
		{"somebody has two more", func(h *tape) { h.registers(1, 2, 3); h.calls(1, 2, 3, 1, 1) }, 2, 5},
		{"somebody has none", func(h *tape) { h.registers(1, 2, 3); h.calls(1, 2, 1, 2) }, 2, 4},
		{"the list changed", func(h *tape) {
			h.registers(1, 2, 3)
			h.calls(1, 2)
			h.registers(4)
			h.calls(3, 4, 1, 2)
			h.ends(4)
			h.calls(3, 1, 2)
		}, 1, 9},
		{"a failed call ends the stretch", func(h *tape) { h.registers(1, 2); h.calls(1, 2, 1, 0, 1, 2) }, 1, 5},
		{"several in flight", func(h *tape) {
			h.registers(1, 2)
			h.calls(1, 2, 1, 2)
			h.ops[3].Start, h.ops[3].End = h.ops[2].Start, h.ops[5].End+1
		}, 0, 4},
		{"one is never answered", func(h *tape) {
			h.registers(1, 2)
			h.add(history.Op{Kind: history.Call}).End = history.Never
			h.calls(1, 1)
		}, 0, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var h tape
			test.play(&h)
			if difference, counted := Spread(h.ops); difference != test.difference || counted != test.counted {
				t.Errorf("difference %d in %d calls, want %d in %d", difference, counted, test.difference, test.counted)
			}
		})
	}
}
