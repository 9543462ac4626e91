package cluster

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/wamp-operator/wamp-operator/controllers/conditions"
	"github.com/wamp-operator/wamp-operator/controllers/resource"
)

// Reasons of what the replacement of pods waits for. The first four, and those of the condition Programmed
// that say that something takes a moment, are the ordinary course of things; the others are the reason of
// the condition Progressing as long as they last.
const (
	ReasonRouterStopping   = "RouterStopping"
	ReasonPodMissing       = "PodMissing"
	ReasonRouterStarting   = "RouterStarting"
	ReasonRoutersSettling  = "RoutersSettling"
	ReasonRouterBroken     = "RouterBroken"
	ReasonRouterNotHeard   = "RouterNotHeard"
	ReasonListsDiffer      = "ListsDiffer"
	ReasonMajorityAtRisk   = "MajorityAtRisk"
	ReasonDisruptionBudget = "DisruptionBudget"
	// ReasonDraining and ReasonRemoving are the reasons of what is done.
	ReasonDraining = "DrainingRouter"
	ReasonRemoving = "RemovingPod"
)

// action is what is to be done about the pods of an older template.
type action string

const (
	// actionNone: every pod is of the template.
	actionNone action = ""
	// actionWait: nothing, until what the reason says is over.
	actionWait action = "wait"
	// actionDrain: evict a router that serves. The PodDisruptionBudget is kept, and the router, which is
	// told to stop, drains itself.
	actionDrain action = "drain"
	// actionRemove: delete a pod that serves nobody.
	actionRemove action = "remove"
)

// decision is what becomes of the pods of an older template, and why.
type decision struct {
	action          action
	pod             string
	uid             types.UID
	reason, message string
}

// ordinary tells whether there is nothing in it that people have to know.
func (d decision) ordinary() bool {
	switch d.reason {
	case ReasonRouterBroken, ReasonRouterNotHeard, ReasonSnapshotRefused, ReasonListsDiffer, ReasonReplacingKey,
		ReasonMajorityAtRisk, ReasonDisruptionBudget, ReasonCertificateMissing, ReasonCertificateInvalid:
		return false
	}
	return true
}

// rolloutView is what is decided from; nothing in it is read again.
type rolloutView struct {
	// desired is the number of routers that the spec asks for.
	desired int
	// majority: the policy for partitions is Majority.
	majority bool
	// pods in the order of their numbers.
	pods []rolloutPod
	// disagreement is what the routers do not agree about, and rotation how far the replacement of the
	// gossip key is; both are empty when there is nothing to wait for.
	disagreement, rotation string
	// lasting: they have not agreed for a while.
	lasting bool
	// set is the name of the StatefulSet, and refusal why Kubernetes makes no pod of it.
	set, refusal string
	// files is what keeps a router that starts from using what the port for clients is made of.
	files *conditions.State
}

// rolloutPod is one router pod.
type rolloutPod struct {
	name string
	uid  types.UID
	// outdated: of an older template. surplus: the StatefulSet removes it, there are to be fewer.
	outdated, surplus bool
	// stopping: it is being deleted. ready: clients are sent to it. running: a router runs in it, whether it
	// is ready or not.
	stopping, ready, running bool
	// trouble is why it does not get ready, where a person has to look at it.
	trouble string
	// heard: the operator reads the state of its router; unheard is why it does not.
	heard   bool
	unheard string
	// current: it serves the snapshot that is published; refused is why it does not take it.
	current bool
	refused string
	// keyless: it is heard and reports no keys of gossip, as an older router.
	keyless bool
}

// decide says what to do next. At most one router that serves is stopped at a time, and only when those
// that were replaced before are as good as those that they replaced. What serves nobody holds nothing
// up: it is removed at once, so that a corrected image takes effect.
func decide(v rolloutView) decision {
	var outdated, updated, serving []rolloutPod
	var stopping *rolloutPod
	present := 0
	for i, p := range v.pods {
		switch {
		case p.stopping:
			stopping = &v.pods[i]
			continue
		case p.surplus:
			continue
		case p.outdated:
			outdated = append(outdated, p)
		default:
			updated = append(updated, p)
		}
		present++
		if p.ready {
			serving = append(serving, p)
		}
	}
	if len(outdated) == 0 {
		return decision{}
	}
	broken := unready(updated, func(p rolloutPod) bool { return p.trouble != "" })
	if p := unready(outdated, func(p rolloutPod) bool { return !p.running }); p != nil && broken == nil {
		return p.act(actionRemove, ReasonRemoving, "Pod %s is replaced: it serves nobody.", p.name)
	}
	if unusable(v.files) {
		return decision{action: actionWait, reason: v.files.Reason, message: v.files.Message}
	}
	switch starting := unready(updated, nil); {
	case broken != nil:
		return broken.wait(ReasonRouterBroken,
			"Pod %s was replaced and serves nobody: %s The routers that serve stay as they are until it does: correct the spec, or put back what it said before.", broken.name, broken.trouble)
	case stopping != nil:
		return stopping.wait(ReasonRouterStopping, "%s is being stopped.", stopping.name)
	case present < v.desired:
		return decision{action: actionWait, reason: ReasonPodMissing, message: podsMissing(present, v.desired, v.set, v.refusal)}
	case starting != nil:
		return starting.wait(ReasonRouterStarting, "Pod %s was replaced and is starting: if that lasts, see its log.", starting.name)
	}
	if p := unready(outdated, nil); p != nil {
		return p.act(actionDrain, ReasonDraining, "Pod %s is replaced: it is not ready.", p.name)
	}
	if hold := v.hold(outdated, updated, serving); hold != nil {
		return *hold
	}
	p := outdated[len(outdated)-1]
	return p.act(actionDrain, ReasonDraining, "Pod %s is replaced: its router drains.", p.name)
}

// hold is what keeps a router that serves from being stopped, nil when nothing does.
func (v rolloutView) hold(outdated, updated, serving []rolloutPod) *decision {
	held := func(d decision) *decision { return &d }
	for _, p := range serving {
		switch {
		case p.heard:
		case p.unheard == "":
			return held(p.wait(ReasonNotHeardYet, "The router %s has not reported yet.", p.name))
		default:
			return held(p.wait(ReasonRouterNotHeard,
				"The operator does not hear the router %s (%s), and does not know whether another one can be spared: let it reach port %d of the router pods, or delete that pod.",
				p.name, p.unheard, resource.PortAdmin))
		}
	}
	for _, p := range updated {
		switch {
		case p.refused != "":
			return held(p.wait(ReasonSnapshotRefused,
				"The router %s was replaced and cannot read the snapshot (%s): use a router image of the operator's version.", p.name, p.refused))
		case !p.current:
			return held(p.wait(ReasonPending, "The router %s was replaced and does not serve the latest snapshot yet.", p.name))
		}
	}
	if v.disagreement != "" {
		reason := ReasonRoutersSettling
		if v.lasting {
			reason = ReasonListsDiffer
		}
		return &decision{action: actionWait, reason: reason, message: "The routers do not agree: " + v.disagreement}
	}
	// Routers that know nothing of keys are replaced, whatever is being done with keys: they are what it
	// waits for.
	if v.rotation != "" && !slices.ContainsFunc(outdated, func(p rolloutPod) bool { return p.keyless }) {
		return &decision{action: actionWait, reason: ReasonReplacingKey, message: v.rotation}
	}
	// Where even all routers without one are no majority, waiting does not help.
	if left := len(serving) - 1; v.majority && 2*left <= v.desired && 2*(v.desired-1) > v.desired {
		return &decision{action: actionWait, reason: ReasonMajorityAtRisk, message: fmt.Sprintf(
			"%d of %d routers are ready, and without another one there is no majority.", len(serving), v.desired)}
	}
	return nil
}

// unready gives the last pod that is not ready and of which also holds, nil when there is none.
func unready(pods []rolloutPod, also func(rolloutPod) bool) *rolloutPod {
	for i := len(pods) - 1; i >= 0; i-- {
		if !pods[i].ready && (also == nil || also(pods[i])) {
			return &pods[i]
		}
	}
	return nil
}

func (p rolloutPod) act(a action, reason, format string, args ...any) decision {
	return decision{action: a, pod: p.name, uid: p.uid, reason: reason, message: fmt.Sprintf(format, args...)}
}

func (p rolloutPod) wait(reason, format string, args ...any) decision {
	return p.act(actionWait, reason, format, args...)
}
