package cluster

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// refusing is the link to a replica that refuses every call after a millisecond on a clock of
// its own.
type refusing struct {
	calls  *calls
	member *member
	why    refusal
	now    time.Time
	queue  []frame
	sent   int
}

func newRefusing(why refusal) *refusing {
	r := &refusing{why: why, now: time.Unix(1000, 0), member: newMember("b.1", "b")}
	self := newMember("a.1", "a")
	self.up.Store(true)
	t := newTable()
	t.members.Store(r.member.hash, r.member)
	r.calls = newCalls(self, t, r, func(func(Callee, Caller)) {})
	var l callLink = r
	r.member.link.Store(&l)
	r.member.up.Store(true)
	for i := range t.slots {
		t.slots[i].owner.Store(r.member)
	}
	return r
}

func (r *refusing) Now() time.Time                  { return r.now }
func (r *refusing) AfterFunc(time.Duration, func()) {}
func (r *refusing) Full() bool                      { return false }
func (r *refusing) WaitRoom(context.Context) error  { return nil }

func (r *refusing) send(f *frame) bool {
	r.queue = append(r.queue, *f.own())
	r.sent++
	return true
}

// run answers what was sent, until there is nothing left or it goes on for a minute.
func (r *refusing) run() {
	for end := r.now.Add(time.Minute); len(r.queue) > 0 && r.now.Before(end); r.now = r.now.Add(time.Millisecond) {
		f := r.queue[0]
		r.queue = r.queue[1:]
		f.kind, f.reason = frameRefused, r.why
		r.calls.receive(r.member, &f)
	}
}

// outcome is a caller that keeps its one answer.
type outcome struct {
	plainCaller
	uri, text string
}

func (o *outcome) Answer(a *Answer) {
	args, _, _ := a.Payload.Decode()
	o.uri, o.text = a.Error, args[0].(string)
}

// A call does not go round for ever between callees that are on the list here and gone there.
func TestCallAmongGoneCalleesEnds(t *testing.T) {
	r := newRefusing(refusedGone)
	key := ProcedureKey{Realm: "realm1", URI: "com.x"}
	p := r.calls.table.procedure(key)
	for stamp := range uint64(2) {
		r.calls.table.change(p, &entry{stamp: stamp + 1, invoke: First, member: r.member}, nil)
	}
	var got outcome
	r.calls.route(&routing{procedure: p.id, realm: key.Realm, uri: key.URI, caller: &got, skip: skip{random: r.calls.random}})
	r.run()
	if got.uri != wamp.ErrNoAvailableCallee {
		t.Errorf("after %d attempts the answer is %q", r.sent, got.uri)
	}
}

// Whichever replica says that there is no such procedure, the sentence names it.
func TestUnknownProcedureIsNamed(t *testing.T) {
	r := newRefusing(refusedNone)
	key := ProcedureKey{Realm: "realm1", URI: "com.example.nobody"}
	var got outcome
	r.calls.route(&routing{procedure: RegistrationID(key.Realm, key.Match, key.URI), realm: key.Realm, uri: key.URI, caller: &got})
	r.run()
	if got.uri != wamp.ErrNoSuchProcedure || !strings.Contains(got.text, key.URI) {
		t.Errorf("%q: %s", got.uri, got.text)
	}
}
