package cluster

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/conditions"
	"github.com/wamp-operator/wamp-operator/controllers/resource"
	"github.com/wamp-operator/wamp-operator/controllers/routerstate"
)

// Reasons of conditions.
const (
	ReasonRoutersReady         = "RoutersReady"
	ReasonNoRouterReady        = "NoRouterReady"
	ReasonScaledToZero         = "ScaledToZero"
	ReasonRollingOut           = conditions.ReasonRollingOut
	ReasonReplacingKey         = "ReplacingGossipKey"
	ReasonKeyReplaced          = "GossipKeyReplaced"
	ReasonGossipKeyUnusable    = "GossipKeyUnusable"
	ReasonOtherKeys            = "OtherKeys"
	ReasonSettled              = "Settled"
	ReasonProgrammed           = "Programmed"
	ReasonPending              = conditions.ReasonPending
	ReasonSnapshotRefused      = "SnapshotRefused"
	ReasonSnapshotTooLarge     = "SnapshotTooLarge"
	ReasonRouterUnreachable    = "RouterUnreachable"
	ReasonNotHeardYet          = "NotHeardYet"
	ReasonAgreed               = "Agreed"
	ReasonDisagreement         = "Disagreement"
	ReasonMinority             = "Minority"
	ReasonNameTaken            = "NameTaken"
	ReasonCertManagerMissing   = "CertManagerMissing"
	ReasonCertificateNotIssued = "CertificateNotIssued"
	ReasonPodRefused           = "PodRefused"
	ReasonCertificateMissing   = "CertificateMissing"
	ReasonCertificateInvalid   = "CertificateInvalid"
	ReasonCertificateExpired   = "CertificateExpired"
	ReasonRefused              = "Refused"
	ReasonFailed               = "Failed"
	ReasonReady                = "Ready"
)

// available: a client finds a router.
func available(o observation) conditions.State {
	switch {
	case o.ready() > 0:
		return conditions.True(ReasonRoutersReady, o.readiness())
	case o.desired == 0:
		return conditions.False(ReasonScaledToZero, "spec.replicas is 0: nobody is served; write 1 or more.")
	}
	return conditions.False(ReasonNoRouterReady, "No router is ready. "+o.waiting())
}

// progressing: pods are on their way to what the spec says, or the gossip key to another one.
func progressing(o observation) conditions.State {
	rollingOut := func(message string) conditions.State {
		reason := ReasonRollingOut
		if !o.decision.ordinary() {
			reason = o.decision.reason
		}
		if message = strings.TrimSpace(message); o.rotation != "" && !strings.Contains(message, o.rotation) {
			message += " " + o.rotation
		}
		return conditions.True(reason, message)
	}
	switch {
	case o.problem != nil:
		return conditions.False(o.problem.Reason, o.problem.Message)
	case o.uncertified != nil && o.uncertified.Reason == ReasonCertManagerMissing:
		return *o.uncertified
	case o.uncertified != nil:
		return conditions.True(o.uncertified.Reason, o.uncertified.Message)
	case o.outdated > 0 || o.unseen:
		return rollingOut(o.replacing())
	case int32(len(o.pods)) > o.desired:
		return rollingOut(fmt.Sprintf("%d routers are still to be stopped.", int32(len(o.pods))-o.desired))
	case o.ready() < o.desired:
		return rollingOut(o.readiness() + " " + o.waiting())
	case o.rotation != "":
		return conditions.True(ReasonReplacingKey, o.rotation)
	}
	return conditions.False(ReasonSettled, "Every router is as the spec says.")
}

// complete: every router that the spec asks for is ready, and is as the spec says.
func complete(o observation) conditions.State {
	if o.outdated > 0 || o.unseen {
		return conditions.False(ReasonRollingOut, o.replacing())
	}
	if o.ready() < o.desired {
		return conditions.False(ReasonRollingOut, strings.TrimSpace(o.readiness()+" "+o.waiting()))
	}
	if name := o.unheard(); name != "" {
		return conditions.False(ReasonRollingOut, fmt.Sprintf("The router %s is ready and has not reported yet.", name))
	}
	return conditions.True(ReasonRoutersReady, "")
}

// programmed: every router that is ready serves the latest snapshot.
func programmed(o observation) conditions.State {
	if o.problem != nil && o.problem.Reason == ReasonSnapshotTooLarge {
		return *o.problem
	}
	if last, kept := o.last[v1alpha1.ConditionProgrammed]; kept {
		return last
	}
	if o.view.Hearing == routerstate.Unheard {
		return conditions.Unknown(ReasonNotHeardYet, "The routers have not reported yet.")
	}
	if o.ready() == 0 {
		return conditions.False(ReasonNoRouterReady, "No router is ready to serve the snapshot: see the condition Available.")
	}
	var behind []string
	for _, pod := range o.pods {
		replica := o.view.Replicas[pod.name]
		switch {
		case !pod.ready:
		case !replica.Believed:
			if replica.Trouble == "" {
				return conditions.Unknown(ReasonNotHeardYet, fmt.Sprintf("The router %s has not reported yet.", pod.name))
			}
			return conditions.Unknown(ReasonRouterUnreachable, fmt.Sprintf(
				"The operator cannot read the state of %s on port %d (%s): let it reach that port of the router pods.",
				pod.name, resource.PortAdmin, strings.TrimRight(replica.Trouble, ".")))
		case replica.State.Documents.Error != "":
			return conditions.False(ReasonSnapshotRefused, fmt.Sprintf(
				"The router %s keeps its last snapshot because it cannot read the new one: %s. Use a router image of the operator's version.",
				pod.name, strings.TrimRight(replica.State.Documents.Error, ".")))
		case replica.State.Documents.Hash != o.hash:
			behind = append(behind, pod.name)
		}
	}
	if len(behind) > 0 {
		slices.Sort(behind)
		return conditions.False(ReasonPending, fmt.Sprintf(
			"The latest snapshot has not reached %s yet: the kubelet brings it within two minutes at most.", strings.Join(behind, ", ")))
	}
	return conditions.True(ReasonProgrammed, strings.TrimSpace("Every router that is ready serves the latest snapshot. "+o.warnings()))
}

// consistent: routers hold the same callee lists.
func consistent(o observation) conditions.State {
	if last, kept := o.last[v1alpha1.ConditionConsistent]; kept {
		return last
	}
	serving, minority := len(o.view.ServingHashes()), o.minority()
	switch {
	case minority != "":
		return conditions.False(ReasonMinority, minority)
	case serving == 0 && o.desired == 0:
		return conditions.True(ReasonScaledToZero, "There is no router that could disagree.")
	case serving == 0:
		return conditions.Unknown(ReasonNotHeardYet, "No router has reported its callee lists yet.")
	case o.disagreement != "":
		return conditions.False(ReasonDisagreement, o.disagreement)
	case o.strangers != "":
		return conditions.False(ReasonOtherKeys, o.strangers)
	}
	return conditions.True(ReasonAgreed, "The routers hold the same callee lists.")
}

// certified: what the port for clients is made of can be used.
func certified(o observation) conditions.State {
	if o.files != nil {
		return *o.files
	}
	return conditions.True(ReasonReady, "")
}

// stalled: nothing goes on until somebody changes something. What passes by itself, or with what others
// are about to do, is not meant: a node that is to come, a network that is to heal, a certificate.
func stalled(o observation) conditions.State {
	return conditions.Stalled(stuckSpec(o), stuckPod(o), stuckKeys(o))
}

// stuckSpec: what the spec asks for cannot be done.
func stuckSpec(o observation) *conditions.State {
	if o.problem != nil {
		switch o.problem.Reason {
		case ReasonNameTaken, ReasonRefused, ReasonSnapshotTooLarge, ReasonGossipKeyUnusable:
			return o.problem
		}
	}
	if o.uncertified != nil && o.uncertified.Reason == ReasonCertManagerMissing {
		return o.uncertified
	}
	return nil
}

// stuckPod: a pod of the latest template does not get ready, whatever the kubelet tries, or would not.
func stuckPod(o observation) *conditions.State {
	if o.files != nil {
		return o.files
	}
	if o.refusal != "" {
		return &conditions.State{Reason: ReasonPodRefused, Message: podsMissing(len(o.pods), int(o.desired), o.cluster, o.refusal)}
	}
	if o.decision.action == actionRemove || o.unseen {
		return nil
	}
	for _, p := range o.pods {
		if p.stuck && !p.ready {
			return &conditions.State{Reason: ReasonRouterBroken, Message: "Pod " + p.name + ": " + p.trouble + " Correct what the spec says of the pods."}
		}
	}
	return nil
}

// stuckKeys: routers that cannot find one another.
func stuckKeys(o observation) *conditions.State {
	if o.strangers != "" {
		return &conditions.State{Reason: ReasonOtherKeys, Message: o.strangers}
	}
	return nil
}

// ready sums up; the first thing that is not as it should be gives the reason.
func ready(o observation) conditions.State {
	if o.problem != nil {
		return *o.problem
	}
	if o.uncertified != nil {
		return *o.uncertified
	}
	if o.desired == 0 {
		if len(o.pods) > 0 {
			return conditions.False(ReasonRollingOut, fmt.Sprintf("%d routers are still to be stopped.", len(o.pods)))
		}
		return conditions.True(ReasonScaledToZero, "spec.replicas is 0, and no router runs.")
	}
	all := conditions.True(ReasonReady, fmt.Sprintf("%d routers act as one dealer.", o.desired))
	return conditions.FirstNot(all, available(o), complete(o), programmed(o), consistent(o), certified(o))
}
