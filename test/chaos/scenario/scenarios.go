package scenario

import (
	"time"

	"github.com/wamp-operator/wamp-operator/test/chaos/lab"
)

// All are the scenarios, in the order in which they are run.
func All() []*Scenario {
	return []*Scenario{
		{Name: "calm", About: "nothing breaks", NoFailures: true, run: calmly},
		{Name: "kill", About: "kill -9 of the replica with the active callee, and a restart", run: kill},
		{Name: "idempotent", About: "the same with idempotent: true and hold: 5s", Idempotent: true, Hold: 5 * time.Second, NoFailures: true, run: kill},
		{Name: "rolling", About: "SIGTERM and restart of one replica after the other, hold: 5s", Hold: 5 * time.Second, NoFailures: true, run: rolling},
		{Name: "stop", About: "SIGSTOP for 1, 3 and 10 seconds", run: stop},
		{Name: "split-2-1", About: "3 replicas split 2|1, and heal", Replicas: 3, run: split(2)},
		{Name: "split-3-2", About: "5 replicas split 3|2, and heal", Replicas: 5, run: split(3)},
		{Name: "majority", About: "3 replicas split 2|1 with partitionPolicy: Majority", Replicas: 3, Majority: true, run: majority},
		{Name: "one-way", About: "what one replica sends to another is lost", run: oneWay},
		{Name: "flapping", About: "a replica is cut off for 2 s, every 4 s", run: flapping},
		{Name: "delay", About: "100 ms from each replica to each other", run: always(lab.Rule{Delay: 100 * time.Millisecond})},
		{Name: "loss", About: "5 % of the packets are lost", run: always(lab.Rule{Loss: 0.05})},
		{Name: "disorder", About: "packets come late, twice and out of order", run: always(lab.Rule{Jitter: 5 * time.Millisecond, Reorder: true, Duplicate: 0.05})},
	}
}
