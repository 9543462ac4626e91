package scenario

import (
	"context"
	"time"

	"github.com/wamp-operator/wamp-operator/test/chaos/lab"
	"github.com/wamp-operator/wamp-operator/test/chaos/load"
)

// Scenario is one way to break a cluster.
type Scenario struct {
	Name string
	// About says in a few words what happens.
	About string
	// Replicas is how many the cluster has; 0: as many as the command was told.
	Replicas int
	// Idempotent, Hold and Majority say how procedures and cluster are declared.
	Idempotent, Majority bool
	Hold                 time.Duration
	// NoFailures: no call may end in an error. AnyRotation: replicas pass for lost at any time, so
	// that nobody can say where a call has to go.
	NoFailures, AnyRotation bool
	// run breaks things until the time is over.
	run func(ctx context.Context, r *Run) error
}

// Config says how to run scenarios.
type Config struct {
	// Router is the wamp-router program.
	Router string
	// Dir takes logs and histories, in a folder for each scenario.
	Dir      string
	Replicas int
	// Duration is how long things are broken.
	Duration time.Duration
	Seed     uint64
	// Rate is how many calls a second are aimed at; 0: as many as there can be.
	Rate int
	// Lanes is how many procedures with a caller each are called.
	Lanes    int
	LogLevel string
}

// Run is a cluster under load, and what has been measured of it.
type Run struct {
	cfg      *Config
	scenario *Scenario
	lab      *lab.Lab
	world    *load.World
	lanes    *load.Lanes
	standby  *load.Standby
	churn    *load.Churn
	until    time.Time
	line     Line
	events   []byte
}

// Line is what came of a scenario.
type Line struct {
	Scenario string
	load.Report
	// TakeOver is how long after a fault the first answer of a standby came, at most; Equal how long
	// after the end of a fault all replicas held the same lists, at most. Zero when not measured.
	TakeOver, Equal time.Duration
	// Histories is how many procedures with how many Operations were judged by their history;
	// for Undecided of them there was not time enough.
	Histories, Operations, Undecided int
	// Stalled is how often a callee was passed over while the machine let a router stand still.
	Stalled int64
	// Seconds of load.
	Seconds float64
	// Broken are the promises that were not kept; Failed why the scenario came to no end.
	Broken []string
	Failed error
	// Dir holds the logs.
	Dir string
}
