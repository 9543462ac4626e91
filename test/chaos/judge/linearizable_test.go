package judge

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/test/chaos/history"
)

// script writes a history as lines of "START END REPLICA WHAT", where END is - when no answer came.
// WHAT is one of
//
//	register NUMBER POLICY [ERROR]
//	end NUMBER
//	call NUMBER
//	call ERROR
//	trouble
func script(t *testing.T, lines string) (ops []history.Op) {
	t.Helper()
	short := map[string]string{"exists": errExists, "mismatch": errMismatch, "none": errNoSuch, "canceled": "wamp.error.canceled", "?": ""}
	for i, line := range strings.Split(strings.TrimSpace(lines), "\n") {
		words := strings.Fields(line)
		op := history.Op{Procedure: "p", Client: i, Replica: words[2]}
		op.Start = integer(t, words[0])
		if op.End = history.Never; words[1] != "-" {
			op.End = integer(t, words[1])
		}
		rest := words[4:]
		switch words[3] {
		case "register":
			op.Kind, op.Policy = history.Register, rest[1]
			op.Callee = integer(t, rest[0])
			if len(rest) > 2 {
				op.Error = short[rest[2]]
			}
		case "end":
			op.Kind = history.Unregister
			op.Callee = integer(t, rest[0])
		case "call":
			op.Kind = history.Call
			if _, err := fmt.Sscan(rest[0], &op.Callee); err != nil {
				op.Error = short[rest[0]]
			}
		case "trouble":
			op.Kind = history.Trouble
		default:
			t.Fatalf("what is %q", line)
		}
		ops = append(ops, op)
	}
	return ops
}

func integer(t *testing.T, word string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(word, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestLinearizable(t *testing.T) {
	tests := []struct {
		name  string
		wrong bool
		lines string
	}{
		{"single is granted once", false, `
			1 5 a register 1 single
			2 6 b register 2 single exists
			7 8 b call 1
			9 10 a end 1
			11 12 b register 3 single
			13 14 a call 3`},
		{"single is granted twice", true, `
			1 5 a register 1 single
			2 6 b register 2 single`},
		{"single is refused while nobody has it", true, `
			1 5 a register 1 single
			6 7 a end 1
			8 9 b register 2 single exists`},
		{"single is granted again while it ends", false, `
			1 5 a register 1 single
			6 10 a end 1
			7 9 b register 2 single`},
		{"single is granted again while its replica is lost", false, `
			1 5 a register 1 single
			6 100 a trouble
			20 21 b register 2 single
			22 23 b call 2`},
		{"single may have been granted to somebody who got no answer", false, `
			1 - a register 1 single
			2 6 b register 2 single exists`},
		{"single was not granted to somebody who got no answer", false, `
			1 - a register 1 single
			2 6 b register 2 single
			7 8 b call 2`},
		{"another policy is refused", false, `
			1 5 a register 1 first
			6 7 b register 2 last mismatch
			8 9 b register 3 first`},
		{"another policy is granted", true, `
			1 5 a register 1 first
			6 7 b register 2 last`},
		{"another policy is refused where there is none", true, `
			6 7 b register 2 last mismatch`},
		{"first is answered by the first", false, `
			1 5 a register 1 first
			6 7 b register 2 first
			8 9 b call 1
			8 9 c call 1
			10 11 a end 1
			12 13 b call 2`},
		{"first is answered by the second", true, `
			1 5 a register 1 first
			6 7 b register 2 first
			8 9 b call 2`},
		{"first is answered by the second while the first leaves", false, `
			1 5 a register 1 first
			6 7 b register 2 first
			8 12 a end 1
			9 10 b call 2
			10 11 c call 1`},
		{"first is answered by the second while the first cannot be reached", false, `
			1 5 a register 1 first
			6 7 b register 2 first
			8 20 a trouble
			9 10 b call 2
			30 31 c call 1`},
		{"last is answered by the last", false, `
			1 5 a register 1 last
			6 7 b register 2 last
			8 9 b call 2
			10 15 a register 3 last
			11 12 b call 3
			13 14 c call 2
			16 17 b call 3`},
		{"last is answered by the one before", true, `
			1 5 a register 1 last
			6 7 b register 2 last
			8 9 b call 1`},
		{"which of two is first is not known, but the same everywhere", true, `
			1 5 a register 1 first
			1 5 b register 2 first
			8 9 b call 1
			8 9 c call 2`},
		{"rotation", false, `
			1 2 a register 1 roundrobin
			3 4 b register 2 roundrobin
			5 6 c register 3 roundrobin
			7 8 a call 1
			9 12 a call 3
			10 11 b call 2
			13 14 c call 1
			15 16 c register 4 roundrobin
			17 18 a call 2
			19 20 a end 1
			21 22 a call 3
			23 24 a call 4
			25 26 a call 2`},
		{"rotation repeats a callee", true, `
			1 2 a register 1 roundrobin
			3 4 b register 2 roundrobin
			7 8 a call 1
			9 10 b call 1`},
		{"rotation skips a callee", true, `
			1 2 a register 1 roundrobin
			3 4 b register 2 roundrobin
			5 6 c register 3 roundrobin
			7 8 a call 1
			9 10 b call 3`},
		{"rotation skips a callee that cannot be reached", false, `
			1 2 a register 1 roundrobin
			3 4 b register 2 roundrobin
			5 6 c register 3 roundrobin
			7 8 a call 1
			8 30 b trouble
			9 10 b call 3`},
		{"rotation may skip one for a call that failed", false, `
			1 2 a register 1 roundrobin
			3 4 b register 2 roundrobin
			5 6 c register 3 roundrobin
			7 8 a call 1
			9 10 a call canceled
			11 12 b call 3`},
		{"rotation need not skip one for a call that failed", false, `
			1 2 a register 1 roundrobin
			3 4 b register 2 roundrobin
			5 6 c register 3 roundrobin
			7 8 a call 1
			9 - a call ?
			11 12 b call 2`},
		{"rotation skips two for one call that failed", true, `
			1 2 a register 1 roundrobin
			3 4 b register 2 roundrobin
			5 6 c register 3 roundrobin
			7 8 a call 1
			9 10 a call canceled
			11 12 b call 1`},
		{"random is anybody on the list", false, `
			1 2 a register 1 random
			3 4 b register 2 random
			7 8 a call 2
			9 10 b call 2
			11 12 b call 1`},
		{"random is somebody who has left", true, `
			1 2 a register 1 random
			3 4 b register 2 random
			5 6 a end 1
			7 8 a call 1`},
		{"a registration is lost", true, `
			1 2 a register 1 random
			3 4 b call none`},
		{"nobody is there", false, `
			1 2 b call none
			3 6 a register 1 random
			4 5 b call none
			7 8 a end 1
			9 10 b call none`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			v, err := Linearizable(script(t, test.lines), Options{Dir: dir})
			if err != nil {
				t.Fatal(err)
			}
			if wrong := len(v.Wrong) > 0; wrong != test.wrong {
				t.Errorf("found %v", v.Wrong)
			}
			for _, w := range v.Wrong {
				drawing, err := os.ReadFile(w.Drawing)
				if err != nil || !strings.Contains(string(drawing), "<html") || !strings.Contains(w.String(), "fits nowhere") {
					t.Errorf("%v: %v", w, err)
				}
			}
			if v.Procedures != 1 || len(v.Undecided) > 0 {
				t.Errorf("%+v", v)
			}
		})
	}
}

// During a split each side has a rotation, a first and a single of its own.
func TestLinearizablePerSide(t *testing.T) {
	ops := script(t, `
		1 2 a register 1 single
		1 2 b register 2 single
		3 4 a call 1
		3 4 b call 2`)
	v, err := Linearizable(ops, Options{Sides: map[string]string{"a": "left", "b": "right"}})
	if err != nil || len(v.Wrong) > 0 || v.Procedures != 2 {
		t.Errorf("%+v, %v", v, err)
	}
	if v, err = Linearizable(ops, Options{}); err != nil || len(v.Wrong) != 1 {
		t.Errorf("as a whole: %+v, %v", v, err)
	}
}

// Histories of the size that the chaos run makes are judged in time, and those of a dealer that is
// right are never found wrong.
func TestLinearizableOfRandomRuns(t *testing.T) {
	var ops []history.Op
	for seed := range uint64(200) {
		ops = append(ops, randomRun(seed)...)
	}
	begun := time.Now()
	v, err := Linearizable(ops, Options{Timeout: 5 * time.Second})
	if err != nil || len(v.Wrong) > 0 || len(v.Undecided) > 5 {
		t.Errorf("%v, undecided %v, %v", v.Wrong, v.Undecided, err)
	}
	t.Logf("%d operations of %d procedures in %v", v.Operations, v.Procedures, time.Since(begun))
}

// randomRun is what 12 clients see of a dealer that is right: each operation takes effect at its
// turn, its Start is before and its End after that.
func randomRun(seed uint64) (ops []history.Op) {
	random := rand.New(rand.NewPCG(seed, 2))
	policies := []string{"single", "first", "last", "random", "roundrobin"}
	policy := policies[random.IntN(len(policies))]
	var (
		r    rotation
		id   int64
		busy [12]int64 // when each client is free
	)
	for i := range int64(60) {
		at := 100 * (i + 1)
		client := random.IntN(len(busy))
		if busy[client] > at {
			continue
		}
		op := history.Op{Procedure: fmt.Sprint("p", seed), Client: client, Replica: string(rune('a' + client%3)),
			Start: max(busy[client], at-random.Int64N(500)), End: at + random.Int64N(500)}
		busy[client] = op.End
		switch n := random.IntN(10); {
		case n < 2:
			id++
			op.Kind, op.Policy, op.Callee = history.Register, policy, id
			if policy == "single" && len(r.callees) > 0 {
				op.Error = errExists
			} else {
				r.callees = append(r.callees, id)
			}
		case n < 3 && len(r.callees) > 0:
			op.Kind, op.Callee = history.Unregister, r.leave(random.IntN(len(r.callees)))
		default:
			op.Kind = history.Call
			switch {
			case len(r.callees) == 0:
				op.Error = errNoSuch
			case policy == "roundrobin":
				op.Callee = r.turn()
			case policy == "last":
				op.Callee = r.callees[len(r.callees)-1]
			case policy == "random":
				op.Callee = r.callees[random.IntN(len(r.callees))]
			default:
				op.Callee = r.callees[0]
			}
			if random.IntN(20) == 0 {
				op.Callee, op.Error = 0, "wamp.error.canceled"
			}
		}
		ops = append(ops, op)
	}
	return ops
}
