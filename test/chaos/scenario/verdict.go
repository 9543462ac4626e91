package scenario

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/wamp-operator/wamp-operator/test/chaos/history"
	"github.com/wamp-operator/wamp-operator/test/chaos/judge"
)

// verdictPatience is for the history of one procedure.
const verdictPatience = 2 * time.Second

// judge says which promises were not kept.
func (r *Run) judge() error {
	l := &r.line
	stalls, err := r.stalls()
	if err != nil {
		return err
	}
	r.excuse(stalls)
	if l.Calls == 0 {
		r.broken("no call ended")
	}
	if l.Unanswered > 0 {
		r.broken("%d calls were not answered", l.Unanswered)
	}
	if l.Twice > 0 {
		r.broken("%d calls were delivered twice", l.Twice)
	}
	if l.Report.Failed() > 0 {
		if err := save(filepath.Join(l.Dir, "errors.jsonl"), r.world.Failures()); err != nil {
			return err
		}
	}
	if l.Rotation.PassedOver > 0 && !r.scenario.AnyRotation {
		first := "not kept"
		if len(l.Rotation.First) > 0 {
			first = l.Rotation.First[0].String()
		}
		r.broken("callees were passed over %d times; the first: %s", l.Rotation.PassedOver, first)
		for procedure, ops := range r.world.Evidence() {
			if err := save(filepath.Join(l.Dir, procedure+".jsonl"), ops); err != nil {
				return err
			}
		}
	}
	if denied := r.denied(stalls); len(denied) > 0 {
		r.broken("%d calls found no procedure although a callee was there all the time", len(denied))
		if err := save(filepath.Join(l.Dir, "denied.jsonl"), denied); err != nil {
			return err
		}
	}
	if r.scenario.NoFailures && l.Report.Failed() > 0 {
		r.broken("%d calls failed: %v", l.Report.Failed(), l.Errors)
	}
	return r.judgeHistories(stalls)
}

// judgeHistories judges what the churn recorded, and saves what is wrong.
func (r *Run) judgeHistories(stalls []stall) error {
	var err error
	troubles := r.world.Troubles()
	for _, s := range stalls {
		for _, replica := range r.lab.Replicas { // each may have taken each for lost
			troubles = append(troubles, history.Op{Kind: history.Trouble, Replica: replica.Name, Start: int64(s.from), End: int64(s.to)})
		}
	}
	for i, h := range r.churn.Histories() {
		ops := slices.Concat(h.Ops, troubles)
		if h.Sides != nil { // each side is whole
			ops = h.Ops
		}
		if r.scenario.Majority {
			ops = withoutMinority(ops)
		}
		v, fail := judge.Linearizable(ops, judge.Options{Timeout: verdictPatience, Sides: h.Sides, Dir: r.line.Dir})
		r.line.Histories += v.Procedures
		r.line.Operations += v.Operations
		r.line.Undecided += len(v.Undecided)
		if len(v.Wrong) == 0 && fail == nil {
			continue
		}
		for _, w := range v.Wrong {
			r.broken("%v", w)
		}
		err = errors.Join(err, fail, save(filepath.Join(r.line.Dir, fmt.Sprintf("history-%d.jsonl", i+1)), ops))
	}
	return err
}

func save(path string, ops []history.Op) error {
	var recorder history.Recorder
	for _, op := range ops {
		recorder.Append(op)
	}
	return recorder.Save(path)
}
