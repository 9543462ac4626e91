package router

import (
	"context"
	"time"

	"github.com/wamp-operator/wamp-operator/router/admin"
)

const (
	// waveEvery and waves spread the farewells, so that clients do not reconnect to the other
	// replicas all at once.
	waveEvery = 50 * time.Millisecond
	waves     = 10
	waveLeast = 16 // sessions
	// lookEvery is how often a session that is to leave is looked at for open calls.
	lookEvery = 5 * time.Millisecond
	// goodbyeRoom is kept of the time for the clients' answers to GOODBYE.
	goodbyeRoom = time.Second
	// settleRoom is the time for the other replicas to say that they route elsewhere.
	settleRoom = 500 * time.Millisecond
	// lull is how long clients are still let in, at most a tenth of the time: those that send
	// clients here (in Kubernetes the Service) hear of the end a moment later.
	lull = time.Second
)

// Drain makes the replica leave gently, until ctx ends: it is not ready at once, and a moment
// later admits no session; the cluster routes around it; wave by wave sessions get no further
// invocation and, when they have no open call, are told to go: see session.Session.GoAway. When ctx
// ends the rest is told to go as it is.
func (r *Router) Drain(ctx context.Context) {
	if r.draining.Swap(true) {
		return
	}
	r.admin.Changed(admin.ProcedureKey{})
	r.log.Info("draining", "sessions", r.realms.count())
	settled := time.NewTimer(lullFor(ctx))
	defer settled.Stop()
	r.handOver(ctx)
	select {
	case <-settled.C:
	case <-ctx.Done():
	}
	r.refusing.Store(true)
	d := drainage{waiting: r.realms.all()}
	d.wave = max(waveLeast, (len(d.waiting)+waves-1)/waves)
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-goodbyeRoom))
		defer cancel()
	}
	d.run(ctx)
	for _, p := range r.realms.all() {
		p.session.GoAway()
	}
	r.awaitEmpty()
	r.settle()
}

// settle keeps the links until no call is on its way here any more: one that is lost with them might
// have been delivered, for all that its caller's replica knows.
func (r *Router) settle() {
	ctx, cancel := context.WithTimeout(context.Background(), settleRoom)
	defer cancel()
	if err := r.node.Settle(ctx); err != nil {
		r.log.Warn("leaving although a call may be on its way here", "error", err)
	}
}

func lullFor(ctx context.Context) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		return min(lull, time.Until(deadline)/10)
	}
	return lull
}

// handOver gives what this replica owns to the others, in at most a third of the time.
func (r *Router) handOver(ctx context.Context) {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(deadline)/3)
		defer cancel()
	}
	if err := r.node.Drain(ctx); err != nil {
		r.log.Warn("draining goes on although not all was handed over", "error", err)
	}
}

// awaitEmpty gives the clients the time to answer GOODBYE.
func (r *Router) awaitEmpty() {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for end := time.Now().Add(goodbyeRoom); r.realms.count() > 0 && time.Now().Before(end); {
		<-look.C
	}
}

// drainage is how far a drain has come.
type drainage struct {
	waiting []*peer // not yet in a wave
	quiet   []*peer // get no invocations, and leave when they have no open call
	wave    int
}

func (d *drainage) run(ctx context.Context) {
	next, look := time.NewTicker(waveEvery), time.NewTicker(lookEvery)
	defer next.Stop()
	defer look.Stop()
	d.quiesce()
	for len(d.waiting)+len(d.quiet) > 0 {
		select {
		case <-ctx.Done():
			return
		case <-next.C:
			d.quiesce()
		case <-look.C:
			d.dismiss()
		}
	}
}

// quiesce begins the next wave.
func (d *drainage) quiesce() {
	n := min(d.wave, len(d.waiting))
	for _, p := range d.waiting[:n] {
		p.dealer.Quiesce()
		p.router.node.Unlist(p.session.ID)
	}
	d.quiet = append(d.quiet, d.waiting[:n]...)
	d.waiting = d.waiting[n:]
}

// dismiss tells sessions without open calls to go.
func (d *drainage) dismiss() {
	left := d.quiet[:0]
	for _, p := range d.quiet {
		if calls, invocations := p.dealer.Open(); calls+invocations > 0 {
			left = append(left, p)
			continue
		}
		p.session.GoAway()
	}
	d.quiet = left
}
