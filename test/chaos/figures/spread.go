package figures

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/wamp-operator/wamp-operator/test/chaos/client"
	"github.com/wamp-operator/wamp-operator/test/chaos/history"
	"github.com/wamp-operator/wamp-operator/test/chaos/judge"
)

// spread calls one procedure from all replicas, with several calls in flight, while the list is stable.
func spread(ctx context.Context, b *Bench) ([]Row, error) {
	const callees, callers, flying, each = 12, 9, 4, 12_000
	c, err := b.cluster(ctx, 3)
	if err != nil {
		return nil, err
	}
	defer c.close()
	const uri = "figures.spread"
	var record history.Recorder
	begun := time.Now()
	since := func() int64 { return int64(time.Since(begun)) }
	for n := range int64(callees) {
		op := history.Op{Kind: history.Register, Procedure: uri, Policy: "roundrobin", Callee: n + 1, Start: since()}
		if _, err := c.callee(int(n)%3, uri, "roundrobin", number{n: uint64(n + 1)}); err != nil {
			return nil, err
		}
		op.End = since()
		record.Append(op)
	}
	var all sync.WaitGroup
	for i := range callers {
		s, err := c.join(i%3, client.Silent{})
		if err != nil {
			return nil, err
		}
		for range flying {
			all.Go(func() {
				for range each / flying {
					op := history.Op{Kind: history.Call, Procedure: uri, Client: i, Start: since()}
					r, err := c.call(s, uri)
					if err != nil {
						return
					}
					op.End, op.Callee, op.Error = since(), int64(r.callee), r.error
					record.Append(op)
				}
			})
		}
	}
	all.Wait()
	b.answered(callers*each, callers*each-int64(len(record.Ops())-callees))
	difference, counted := judge.Spread(record.Ops())
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return []Row{{fmt.Sprintf("difference of calls received, any two of %d callees of a stable list, %d callers at 3 replicas with %d calls in flight each", callees, callers, flying),
		"at most 1", fmt.Sprintf("%d in %s calls", difference, grouped(counted)), difference <= 1 && counted == callers*each}}, nil
}
