package report

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/cmd/kubectl-wamp/internal/routers"
	"github.com/wamp-operator/wamp-operator/controllers/resource"
)

// Router is one replica: its pod, and what it says of itself.
type Router struct {
	Pod   string `json:"pod"`
	Node  string `json:"node,omitempty"`
	Image string `json:"image,omitempty"`
	// State is ready, not ready, draining, minority, or why the pod does not run.
	State    string `json:"state"`
	Restarts int32  `json:"restarts"`
	// Heard: the rest is what it said. Trouble is why it was not heard.
	Heard         bool     `json:"heard"`
	Trouble       string   `json:"trouble,omitempty"`
	Version       string   `json:"version,omitempty"`
	Sessions      int      `json:"sessions"`
	Registrations int      `json:"registrations"`
	Snapshot      string   `json:"snapshot,omitempty"` // served, older or refused
	Members       []string `json:"members,omitempty"`
	// Links are the replicas that it can send calls to; nil when its version does not tell.
	Links    []string `json:"links,omitempty"`
	ListHash string   `json:"listHash,omitempty"`
	Keys     []string `json:"keys,omitempty"`

	links bool
}

func newRouters(c *routers.Cluster) []Router {
	var out []Router
	for i := range c.Pods {
		out = append(out, newRouter(c, &c.Pods[i]))
	}
	return out
}

func newRouter(c *routers.Cluster, pod *corev1.Pod) Router {
	r := Router{Pod: pod.Name, Node: pod.Spec.NodeName, State: podState(pod), Trouble: c.Trouble[pod.Name]}
	for _, container := range pod.Spec.Containers {
		if r.Image == "" || container.Name == resource.ContainerName {
			r.Image = container.Image
		}
	}
	for _, status := range pod.Status.ContainerStatuses {
		r.Restarts += status.RestartCount
	}
	line := c.States[pod.Name]
	if line == nil {
		return r
	}
	self := line.Router
	r.Heard, r.Version, r.Sessions, r.Members, r.ListHash, r.Keys = true, self.Version, self.Sessions, self.Members, self.ListHash, self.Keys
	for _, p := range line.Procedures {
		for _, callee := range p.Callees {
			if callee.Replica == self.Replica {
				r.Registrations++
			}
		}
	}
	r.State = routerState(self, r.State)
	switch {
	case self.Documents.Error != "":
		r.Snapshot = "refused"
	case self.Documents.Hash == c.Object.Status.SnapshotHash:
		r.Snapshot = "served"
	default:
		r.Snapshot = "older"
	}
	if links := c.Links[pod.Name]; links != nil {
		r.links = true
		for _, l := range links.Links {
			if l.Up {
				r.Links = append(r.Links, l.Replica)
			}
		}
	}
	return r
}

// routerState is what a router says, unless Kubernetes knows that it is going.
func routerState(self *v1alpha1.RouterReplicaState, pod string) string {
	switch {
	case self.Draining:
		return "draining"
	case pod == "stopping":
		return pod
	case self.Minority:
		return "minority"
	case self.Ready:
		return "ready"
	}
	return "not ready"
}

// podState is why the router of a pod may not be there, in the words of Kubernetes.
func podState(pod *corev1.Pod) string {
	if pod.DeletionTimestamp != nil {
		return "stopping"
	}
	for _, s := range pod.Status.ContainerStatuses {
		if w := s.State.Waiting; w != nil && w.Reason != "" {
			return w.Reason
		}
		if t := s.State.Terminated; t != nil && t.Reason != "" {
			return t.Reason
		}
	}
	for _, condition := range pod.Status.Conditions {
		switch {
		case condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse:
			return condition.Reason
		case condition.Type == corev1.PodReady && condition.Status == corev1.ConditionTrue:
			return "ready"
		}
	}
	if pod.Status.Phase == corev1.PodRunning {
		return "not ready"
	}
	return string(pod.Status.Phase)
}

// row is a line of the table. What was not heard is unknown, and not none.
func (r *Router) row(replicas int) []string {
	image := path.Base(r.Image)
	if name, digest, found := strings.Cut(image, "@sha256:"); found && len(digest) > 12 {
		image = name + "@" + digest[:12]
	}
	row := []string{r.Pod, r.Node, image, r.State}
	if !r.Heard {
		return append(row, "?", "?", "?", "?", "?", "?")
	}
	links := "?"
	if r.links {
		links = fmt.Sprintf("%d/%d", len(r.Links), max(replicas-1, 0))
	}
	return append(row, fmt.Sprint(r.Sessions), fmt.Sprint(r.Registrations), r.Snapshot,
		fmt.Sprintf("%d/%d", len(r.Members), replicas), links, short(r.ListHash))
}

func short(hash string) string { return hash[:min(len(hash), 8)] }

// findings are what a router says that somebody should see, beside the conditions: those are what the
// operator makes of it, and the operator may be away.
func findings(c *routers.Cluster, all []Router, now time.Time) []string {
	out := unheard(all)
	for _, r := range all {
		line := c.States[r.Pod]
		if line == nil {
			continue
		}
		self := line.Router
		if self.Documents.Error != "" {
			out = append(out, fmt.Sprintf("%s keeps older realms and procedures: %s", r.Pod, self.Documents.Error))
		}
		if self.Documents.Warnings != "" {
			first, rest, _ := strings.Cut(strings.TrimSpace(self.Documents.Warnings), "\n")
			if rest != "" {
				first += fmt.Sprintf(" (and %s)", plural(strings.Count(rest, "\n")+1, "more line"))
			}
			out = append(out, fmt.Sprintf("%s warns: %s", r.Pod, first))
		}
		if self.Minority {
			out = append(out, fmt.Sprintf("%s cannot reach more than half of the replicas: it refuses registrations and rotations.", r.Pod))
		}
		if self.KeysError != "" {
			out = append(out, fmt.Sprintf("%s does not use the gossip key as it is now: %s", r.Pod, self.KeysError))
		}
		out = append(out, linkFindings(c, c.Links[r.Pod], now)...)
	}
	return append(out, split(c)...)
}

// unheard says of the routers that were not heard why, once where it is the same of several.
func unheard(all []Router) []string {
	var reasons []string
	pods := map[string][]string{}
	for _, r := range all {
		if r.Trouble == "" {
			continue
		}
		reason := strings.TrimRight(strings.ReplaceAll(r.Trouble, r.Pod, "POD"), ".")
		if pods[reason] == nil {
			reasons = append(reasons, reason)
		}
		pods[reason] = append(pods[reason], r.Pod)
	}
	var out []string
	for _, reason := range reasons {
		was := "were"
		if len(pods[reason]) == 1 {
			was = "was"
		}
		text := strings.ReplaceAll(reason, "POD", pods[reason][0])
		out = append(out, fmt.Sprintf("%s %s not heard: %s.", strings.Join(pods[reason], ", "), was, text))
	}
	return out
}

// split says which of the routers that were heard do not see one another.
func split(c *routers.Cluster) []string {
	var out []string
	for i := range c.Pods {
		state := c.States[c.Pods[i].Name]
		if state == nil || !state.Router.Ready {
			continue
		}
		var lacks []string
		for j := range c.Pods {
			other := c.States[c.Pods[j].Name]
			if other != nil && other.Router.Ready && !slices.Contains(state.Router.Members, other.Router.Replica) {
				lacks = append(lacks, other.Router.Replica)
			}
		}
		if len(lacks) > 0 {
			out = append(out, fmt.Sprintf("%s does not see %s: ports 7946 (TCP and UDP) and 7947 (TCP) have to be open between the router pods.",
				state.Router.Replica, strings.Join(lacks, ", ")))
		}
	}
	return out
}

// linkFindings are the links that do not stand although both routers do. One with an earlier run of the
// other, which gossip has not forgotten yet, does not count.
func linkFindings(c *routers.Cluster, links *v1alpha1.RouterLinks, now time.Time) []string {
	if links == nil {
		return nil
	}
	up := map[string]bool{}
	for _, l := range links.Links {
		up[l.Replica] = up[l.Replica] || l.Up
	}
	var out []string
	for _, l := range links.Links {
		since := ago(now, l.Since.Time)
		switch {
		case !l.Up && (up[l.Replica] || c.States[l.Replica] == nil):
		case !l.Up:
			out = append(out, fmt.Sprintf("%s has no link with %s for %s: TCP port 7947 has to be open both ways (NetworkPolicies, the nodes' network).",
				links.Replica, l.Replica, since))
		case l.Via != "":
			out = append(out, fmt.Sprintf("%s reaches %s only through %s for %s: the direct way to TCP port 7947 does not work.",
				links.Replica, l.Replica, l.Via, since))
		}
	}
	return out
}
