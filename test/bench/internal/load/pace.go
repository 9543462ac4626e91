package load

import "time"

// pace lets the callers call at their rate, one after the other at even distances. The latency of a
// call counts from when it is really made; that the generator may be late, because it waits for whole
// milliseconds, is not the server's.
func (g *generator) pace(d time.Duration) error {
	gap := time.Second / time.Duration(g.spec.Rate*len(g.callers))
	began := time.Now()
	for made := 0; ; {
		elapsed := time.Since(began)
		if elapsed >= d {
			return nil
		}
		for ; time.Duration(made)*gap <= elapsed; made++ {
			c := g.callers[made%len(g.callers)]
			c.call(c.conn, g.now())
		}
		if err := g.loop.FlushAll(); err != nil {
			return err
		}
		if err := g.loop.Step(time.Millisecond); err != nil {
			return err
		}
	}
}
