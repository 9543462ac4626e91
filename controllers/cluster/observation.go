package cluster

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/wamp-operator/wamp-operator/controllers/conditions"
	"github.com/wamp-operator/wamp-operator/controllers/resource"
	"github.com/wamp-operator/wamp-operator/controllers/routerstate"
)

// observation is what the conditions are decided from; nothing in it is read again.
type observation struct {
	cluster string
	desired int32
	pods    []podState
	// outdated is the number of pods of an older template; unseen says that Kubernetes has not
	// looked at the latest template yet, so that the number is not known.
	outdated int
	unseen   bool
	// updated is the number of pods of the latest template, and decision what is done about the others.
	updated  int32
	decision decision
	view     routerstate.View
	hash     string
	// disagreement is what routers do not agree about, if that lasts.
	disagreement string
	// rotation says how far the replacement of the gossip key is; strangers, which routers have other
	// keys than the Secret. Both are empty as a rule.
	rotation, strangers string
	// files is what is wrong with the listener's certificate or the authorities of clients, without which
	// no pod starts.
	files *conditions.State
	// uncertified is what is still to be done about a certificate that cert-manager issues.
	uncertified *conditions.State
	problem     *conditions.State
	// refusal is why Kubernetes makes no pod, in its words, when pods have been missing for a while.
	refusal string
	// last is what the status says of the routers, as long as some of them have still to be heard
	// for the first time: an operator that has just started knows nothing better.
	last map[string]conditions.State
}

// podState is a router pod that is not being deleted.
type podState struct {
	name  string
	ready bool
	// fresh: it was made while this operator looked after the cluster.
	fresh bool
	// trouble is why it does not start, as Kubernetes says it; empty when it just takes time.
	trouble string
	// stuck: the trouble does not pass until somebody changes something.
	stuck bool
}

// listening tells whether a router that is ready has still to be heard for the first time.
func (o observation) listening() bool {
	return slices.ContainsFunc(o.pods, func(p podState) bool {
		replica := o.view.Replicas[p.name]
		return p.ready && replica.State == nil && (replica.Trouble == "" || o.view.Hearing == routerstate.Unheard)
	})
}

func (o observation) ready() (n int32) {
	for _, p := range o.pods {
		if p.ready {
			n++
		}
	}
	return n
}

// unheard names the first router that has just started and is ready, and that the operator has still to hear:
// what the status said before it came does not hold for it.
func (o observation) unheard() string {
	for _, p := range o.pods {
		if replica := o.view.Replicas[p.name]; p.fresh && p.ready && replica.State == nil && replica.Trouble == "" {
			return p.name
		}
	}
	return ""
}

// readiness says how many routers are ready.
func (o observation) readiness() string {
	ready := o.ready()
	switch {
	case o.desired == 1 && ready == 1:
		return "The router is ready."
	case o.desired == 1:
		return "The router is not ready."
	case ready == 1:
		return fmt.Sprintf("1 of %d routers is ready.", o.desired)
	}
	return fmt.Sprintf("%d of %d routers are ready.", ready, o.desired)
}

// waiting names the first pod that is not ready, with its trouble if there is one.
func (o observation) waiting() string {
	if o.uncertified != nil {
		return o.uncertified.Message
	}
	first := ""
	for _, p := range o.pods {
		if p.ready {
			continue
		}
		if unusable(o.files) {
			return o.files.Message
		}
		if p.trouble != "" {
			return "Pod " + p.name + ": " + p.trouble
		}
		if o.inMinority(p.name) {
			return o.minority()
		}
		if first == "" {
			first = "Pod " + p.name + " is starting: if that lasts, see kubectl describe pod and its log."
		}
	}
	if first == "" && int32(len(o.pods)) < o.desired {
		return podsMissing(len(o.pods), int(o.desired), o.cluster, o.refusal)
	}
	return first
}

// podsMissing says that pods are missing, and why if that is known.
func podsMissing(there, wanted int, set, refusal string) string {
	if refusal != "" {
		return fmt.Sprintf("%d of %d pods are there, and Kubernetes refuses to make another: %s", there, wanted, sentence(refusal))
	}
	return fmt.Sprintf("%d of %d pods are there: if that lasts, see kubectl describe statefulset %s.", there, wanted, set)
}

// warnings is what the first router that has any warns of in what it serves, with the number of lines that
// are left out; empty when none does.
func (o observation) warnings() string {
	for _, pod := range o.pods {
		replica := o.view.Replicas[pod.name]
		if !pod.ready || !replica.Believed || replica.State == nil || replica.State.Documents.Warnings == "" {
			continue
		}
		first, rest, _ := strings.Cut(replica.State.Documents.Warnings, "\n")
		if rest == "" {
			return fmt.Sprintf("%s warns: %s", pod.name, sentence(first))
		}
		return fmt.Sprintf("%s warns of %d things, first: %s", pod.name, 2+strings.Count(rest, "\n"), sentence(first))
	}
	return ""
}

func (o observation) inMinority(pod string) bool {
	replica := o.view.Replicas[pod]
	return replica.Believed && replica.State != nil && replica.State.Minority
}

// minority names the routers that cannot reach the majority; empty when there are none.
func (o observation) minority() string {
	var names []string
	for _, p := range o.pods {
		if o.inMinority(p.name) {
			names = append(names, p.name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %d routers cannot reach the majority: %s; they refuse registrations and rotations until they can. Let the router pods reach one another on ports 7946 (TCP and UDP) and 7947.",
		len(names), max(o.desired, int32(len(o.pods))), strings.Join(names, ", "))
}

// replacing says how far the replacement of pods is.
func (o observation) replacing() string {
	switch there := int32(len(o.pods)); {
	case !o.unseen:
	case there < o.desired:
		return fmt.Sprintf("%d routers are wanted, and %d are there.", o.desired, there)
	case there > o.desired:
		return fmt.Sprintf("%d routers are wanted, and %d are still there.", o.desired, there)
	default:
		return fmt.Sprintf("The spec has changed, and Kubernetes has still to look at StatefulSet %s.", o.cluster)
	}
	why := o.decision.message
	if why == "" {
		why = o.waiting()
	}
	return strings.TrimSpace(fmt.Sprintf("%d of %d routers are still to be replaced. %s", o.outdated, o.desired, why))
}

// podStates sorts out the pods of a pass.
func podStates(pods []corev1.Pod, began time.Time) (out []podState) {
	for i := range pods {
		pod := &pods[i]
		if !pod.DeletionTimestamp.IsZero() {
			continue
		}
		text, stuck := trouble(pod)
		out = append(out, podState{
			name: pod.Name, ready: isReady(pod), fresh: pod.CreationTimestamp.After(began), trouble: text, stuck: stuck,
		})
	}
	return out
}

func isReady(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// crashes is how often a router was started anew when that is its trouble also while it ends, or starts
// once more.
const crashes = 3

// trouble finds what keeps a pod from starting and needs a person to look at it, and tells whether it
// does not pass by itself: a node that takes the pod may come.
func trouble(pod *corev1.Pod) (text string, stuck bool) {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Reason == corev1.PodReasonUnschedulable {
			return "no node takes it: " + sentence(c.Message), false
		}
	}
	for _, c := range pod.Status.ContainerStatuses {
		if c.Name != resource.ContainerName {
			continue
		}
		waiting := c.State.Waiting
		switch {
		case waiting != nil && waiting.Reason == "CrashLoopBackOff", c.RestartCount >= crashes && !stands(c):
			why := "see its log."
			if last := c.LastTerminationState.Terminated; last != nil {
				why = fmt.Sprintf("it ended with exit code %d: see its log.", last.ExitCode)
			}
			return "the router does not stay up, " + why, c.RestartCount >= crashes
		case waiting == nil:
			continue
		}
		switch waiting.Reason {
		case "", "ContainerCreating", "PodInitializing":
			continue
		case "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull":
			return fmt.Sprintf("the image %s cannot be had (%s): %s", c.Image, waiting.Reason, sentence(waiting.Message)), true
		}
		return waiting.Reason + ": " + sentence(waiting.Message), waiting.Reason == "CreateContainerConfigError"
	}
	return "", false
}

// stands tells whether a container got as far as to have started.
func stands(c corev1.ContainerStatus) bool {
	return c.State.Waiting == nil && c.State.Terminated == nil && (c.Started == nil || *c.Started)
}

// disagreement finds what routers that clients may be connected to see differently.
func disagreement(view routerstate.View) string {
	var names []string
	for name, replica := range view.Replicas {
		if replica.Serving() {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		for _, other := range names {
			if !slices.Contains(view.Replicas[name].State.Members, other) {
				return fmt.Sprintf("%s does not see %s: let the router pods reach one another on ports 7946 (TCP and UDP) and 7947.", name, other)
			}
		}
	}
	for _, name := range names {
		if first := names[0]; view.Replicas[name].State.ListHash != view.Replicas[first].State.ListHash {
			return fmt.Sprintf("%s and %s hold different callee lists: let the router pods reach one another on ports 7946 (TCP and UDP) and 7947, and see their logs.", first, name)
		}
	}
	return ""
}

// patience is how long routers may disagree, or requests to the API server fail, before it is said: a list
// that changes is different here and there for a moment, and a request may well succeed the next time.
const patience = 5 * time.Second

func sentence(text string) string {
	text = strings.TrimRight(strings.TrimSpace(text), ".")
	if text == "" {
		return "see kubectl describe pod."
	}
	const limit = 512
	if len(text) > limit {
		text = strings.ToValidUTF8(text[:limit], "") + " …"
	}
	return text + "."
}

func capitalized(text string) string {
	if text == "" {
		return text
	}
	return strings.ToUpper(text[:1]) + text[1:]
}
