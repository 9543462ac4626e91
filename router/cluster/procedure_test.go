package cluster

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

func testView(invoke Policy, members ...*member) *view {
	v := emptyView
	for i, m := range members {
		v = v.with(&entry{stamp: uint64(10 * (i + 1)), session: wamp.ID(i + 1), invoke: invoke, member: m}, nil, nil)
	}
	return v
}

func testMember(up, draining bool) *member {
	m := newMember("m", "m")
	m.up.Store(up)
	m.draining.Store(draining)
	return m
}

// Each policy chooses by the order of registration, passes over callees that cannot be
// reached, and takes those of replicas that are leaving only when there are no others.
func TestChoose(t *testing.T) {
	up, down, leaving := testMember(true, false), testMember(false, false), testMember(true, true)
	for name, test := range map[string]struct {
		view   *view
		cursor uint64
		skip   skip
		want   uint64 // stamp; 0: nobody
	}{
		"first":                        {testView(First, up, up, up), 0, skip{}, 10},
		"first, unreachable":           {testView(First, down, up, up), 0, skip{}, 20},
		"first, leaving":               {testView(First, leaving, up), 0, skip{}, 20},
		"first, all leaving":           {testView(First, leaving, leaving), 0, skip{}, 10},
		"last":                         {testView(Last, up, up, up), 0, skip{}, 30},
		"last, gone":                   {testView(Last, up, up, up), 0, skip{gone: []uint64{30}}, 20},
		"single":                       {testView(Single, up), 0, skip{}, 10},
		"roundrobin begins":            {testView(RoundRobin, up, up, up), 0, skip{}, 10},
		"roundrobin goes on":           {testView(RoundRobin, up, up, up), 10, skip{}, 20},
		"roundrobin begins again":      {testView(RoundRobin, up, up, up), 30, skip{}, 10},
		"roundrobin, last callee left": {testView(RoundRobin, up, up, up), 15, skip{}, 20},
		"roundrobin, busy":             {testView(RoundRobin, up, up, up), 10, skip{busy: []uint64{20}}, 30},
		"random among one":             {testView(Random, down, up, down), 0, skip{}, 20},
		"nobody":                       {testView(RoundRobin, down, down), 0, skip{}, 0},
		"empty":                        {emptyView, 0, skip{}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			test.skip.random = func(n int) int { return n - 1 }
			var got uint64
			if e := test.view.choose(test.cursor, &test.skip); e != nil {
				got = e.stamp
			}
			if got != test.want {
				t.Errorf("chose %d, want %d", got, test.want)
			}
		})
	}
}

// Whoever joins and leaves between two turns, the next turn goes to the callee that registered
// next after the last one, or to the oldest when there is none.
func TestRotationUnderChange(t *testing.T) {
	up := testMember(true, false)
	rapid.Check(t, func(t *rapid.T) {
		v, cursor, newest := emptyView, uint64(0), uint64(0)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch rapid.IntRange(0, 2).Draw(t, "step") {
			case 0:
				newest += rapid.Uint64Range(1, 5).Draw(t, "gap")
				v = v.with(&entry{stamp: newest, session: wamp.ID(newest), invoke: RoundRobin, member: up}, nil, nil)
			case 1:
				if n := len(v.entries); n > 0 {
					leaves := v.entries[rapid.IntRange(0, n-1).Draw(t, "leaves")].stamp
					v = v.with(nil, func(e *entry) bool { return e.stamp == leaves }, nil)
				}
			case 2:
				e := v.choose(cursor, &skip{})
				var want uint64
				for i := len(v.entries) - 1; i >= 0; i-- {
					if s := v.entries[i].stamp; s > cursor {
						want = s
					}
				}
				if want == 0 && len(v.entries) > 0 {
					want = v.entries[0].stamp
				}
				if e == nil && want == 0 {
					continue
				}
				if e == nil || e.stamp != want {
					t.Fatalf("after %d came %v, want %d", cursor, e, want)
				}
				cursor = e.stamp
			}
		}
	})
}

// An overriding declaration holds for the list as it is, a requiring one only refuses.
func TestDeclaredPolicy(t *testing.T) {
	v := testView(First, testMember(true, false))
	for _, test := range []struct {
		declared *Declaration
		want     Policy
	}{
		{nil, First},
		{&Declaration{Invoke: Last}, First},
		{&Declaration{Invoke: Last, Override: true}, Last},
	} {
		if got := v.with(nil, nil, test.declared).invoke; got != test.want {
			t.Errorf("%+v: %v, want %v", test.declared, got, test.want)
		}
	}
}

// A declaration makes the rotation that of each replica only where there is a rotation, and while it
// stands.
func TestDeclaredRotation(t *testing.T) {
	up := testMember(true, false)
	for _, test := range []struct {
		invoke   Policy
		declared *Declaration
		want     bool
	}{
		{RoundRobin, nil, false},
		{RoundRobin, &Declaration{Invoke: RoundRobin}, false},
		{RoundRobin, &Declaration{Invoke: RoundRobin, LocalRotation: true}, true},
		{First, &Declaration{Invoke: First, LocalRotation: true}, false},
		{First, &Declaration{Invoke: RoundRobin, LocalRotation: true, Override: true}, true},
	} {
		v := testView(test.invoke, up).with(nil, nil, test.declared)
		if v.local != test.want {
			t.Errorf("%v under %+v: rotation of the replica %v, want %v", test.invoke, test.declared, v.local, test.want)
		}
		if v = v.with(nil, nil, nil); v.local {
			t.Errorf("%v: the rotation stays the replica's when nothing declares it", test.invoke)
		}
	}
}

// What a call passes over comes back with it, with the reason.
func TestSkipsTravel(t *testing.T) {
	sent := skip{gone: []uint64{1}, busy: []uint64{2, 3}, limited: []uint64{4}, tried: []uint64{1<<62 - 1}}
	var got skip
	got.unpack(packSkips(&sent))
	if !slices.Equal(got.gone, sent.gone) || !slices.Equal(got.busy, sent.busy) ||
		!slices.Equal(got.limited, sent.limited) || !slices.Equal(got.tried, sent.tried) {
		t.Errorf("%+v came as %+v", sent, got)
	}
}
