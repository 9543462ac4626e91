package dealer

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// remover counts how often callees are told to go.
type remover struct {
	procedures
	told map[wamp.ID]int
}

func (r *remover) RemoveCallee(_, callee wamp.ID, _ string) { r.told[callee]++ }

// A take-over that does not succeed ends, and its callees are told again in case that they could not
// hear it; one that is refused for what is declared, or has no place to take, disturbs nobody.
func TestTakeOver(t *testing.T) {
	exists := &cluster.Error{URI: wamp.ErrProcedureAlreadyExists}
	other := &cluster.Error{URI: wamp.ErrInvocationPolicyMismatch}
	single, shared := cluster.Single, cluster.RoundRobin
	for name, c := range map[string]struct {
		refusal  error
		declared *cluster.Policy
		callees  []wamp.ID
		leaveAt  time.Duration // of the callees
		own      bool          // the session is a callee, the last one
		want     string
		took     time.Duration
		told     int
	}{
		"callees that stay":                  {refusal: exists, callees: []wamp.ID{1}, want: "ERROR", took: takeOverWait, told: 30},
		"callees that go":                    {refusal: exists, callees: []wamp.ID{1}, leaveAt: 250 * time.Millisecond, want: "REGISTERED", took: 260 * time.Millisecond, told: 3},
		"another policy":                     {refusal: other, callees: []wamp.ID{1}, leaveAt: 50 * time.Millisecond, want: "REGISTERED", took: 60 * time.Millisecond, told: 1},
		"another policy than declared":       {refusal: other, declared: &shared, callees: []wamp.ID{1}, want: "ERROR"},
		"the declared policy":                {refusal: other, declared: &single, callees: []wamp.ID{1}, leaveAt: 50 * time.Millisecond, want: "REGISTERED", took: 60 * time.Millisecond, told: 1},
		"from itself":                        {refusal: exists, own: true, want: "REGISTERED"},
		"another policy than its own":        {refusal: other, own: true, want: "ERROR"},
		"something else":                     {refusal: &cluster.Error{URI: wamp.ErrUnavailable}, callees: []wamp.ID{1}, want: "ERROR"},
		"a place beside others, that stay":   {callees: []wamp.ID{1}, own: true, want: "REGISTERED", took: takeOverWait, told: 30},
		"a place that another one took over": {callees: []wamp.ID{1}, want: "REGISTERED"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var p *joined
				var began time.Time
				there := func() bool { return c.leaveAt == 0 || time.Since(began) < c.leaveAt }
				p = join(t, &realm{declared: c.declared,
					callees: func() (ids []wamp.ID) {
						if there() {
							ids = append(ids, c.callees...)
						}
						if c.own {
							ids = append(ids, p.session.ID)
						}
						return ids
					},
					register: func(_ cluster.Registration, done func(wamp.ID, error)) {
						if there() && c.refusal != nil {
							done(0, c.refusal)
							return
						}
						done(id, nil)
					},
				})
				others := &remover{told: map[wamp.ID]int{}}
				p.dealer.meta = others
				began = time.Now()
				p.Register(&wamp.Message{Type: wamp.Register, Request: 1, URI: uri,
					Dict: wamp.MustDict(wamp.MessagePack, map[string]any{"force_reregister": true})})
				took := time.Since(began)
				if sent := types(p.conn.Sent()); sent != c.want || took.Round(10*time.Millisecond) != c.took {
					t.Errorf("%s after %v, want %s after %v", sent, took, c.want, c.took)
				}
				told := others.told[1]
				if c.took == takeOverWait {
					told = min(told, c.told) // the last moment may bring one more
				}
				if told != c.told || len(others.told) > 1 {
					t.Errorf("told %v, want %d times", others.told, c.told)
				}
			})
		})
	}
}
