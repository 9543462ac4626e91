package e2e

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Budget bounds a figure that the end-to-end test measures on real pods. docs/operations.md quotes
// all of them.
type Budget struct {
	Name string
	// Unit of the figure and of Bound: s, calls, pods.
	Unit string
	// Bound is the most that the figure may be.
	Bound float64
	// Sentence says what is measured.
	Sentence string
}

// Names of the budgets.
const (
	installTime         = "install"
	availableTime       = "available"
	redundantTime       = "redundant"
	scaleTime           = "scale"
	scaleFailed         = "scale-failed"
	autoscaleTime       = "autoscale"
	rolloutTime         = "rollout"
	rolloutFailed       = "rollout-failed"
	rolloutForeign      = "rollout-foreign"
	rolloutUnready      = "rollout-unready"
	killTakeover        = "kill"
	killWhole           = "kill-whole"
	clientsBack         = "clients-back"
	drainTime           = "drain"
	drainFailed         = "drain-failed"
	drainUnready        = "drain-unready"
	nodeTakeover        = "node"
	nodeWhole           = "node-whole"
	powerTakeover       = "power"
	powerFailed         = "power-failed"
	powerReplaced       = "power-replaced"
	operatorTakeover    = "operator-down"
	operatorStatus      = "operator-status"
	apiTakeover         = "api-down"
	apiStatus           = "api-status"
	apiRestarts         = "api-restarts"
	familiesTime        = "families"
	certificateTime     = "certificate"
	certificateFailed   = "certificate-failed"
	certificateRestarts = "certificate-restarts"
	keyTime             = "gossip-key"
	keyFailed           = "gossip-key-failed"
	keyRestarts         = "gossip-key-restarts"
	secretTime          = "secret"
	secretRestarts      = "secret-restarts"
	policyTime          = "policy"
	procedureTime       = "procedure"
	procedureFailed     = "procedure-failed"
	upgradeRestarts     = "upgrade-restarts"
	upgradeFailed       = "upgrade-failed"
	mixedFailed         = "mixed-failed"
	uninstallTime       = "uninstall"
)

// Budgets are all of them, in the order in which they are documented.
var Budgets = []Budget{
	{installTime, "s", 60, "`helm install` and a WampCluster of three routers, until it is Ready (images are on the nodes)"},
	{availableTime, "s", 1, "the first callee comes or the last one goes, until the condition Available says so"},
	{redundantTime, "s", 1, "a standby comes or goes, until the condition Redundant says so"},
	{scaleTime, "s", 60, "3 to 5, 5 to 2, 2 to 3 routers under load, until the WampCluster is Ready; the longest"},
	{autoscaleTime, "s", 60, "a HorizontalPodAutoscaler, which looks every 5 s, is given other bounds: 3 to 4, 4 to 3 routers, until the WampCluster is Ready; the longest"},
	{scaleFailed, "calls", 0, "calls that failed meanwhile"},
	{rolloutTime, "s", 120, "three routers get another image under load, until the WampCluster is Ready"},
	{rolloutFailed, "calls", 0, "calls that failed meanwhile"},
	{rolloutForeign, "calls", 0, "calls of nexus's client and of Autobahn|JS, to callees of these and of Wampy.js, that failed meanwhile"},
	{rolloutUnready, "pods", 1, "routers that were not ready at the same time, meanwhile; the most"},
	{killTakeover, "s", 1, "a router is killed, until the standby of its callee answers"},
	{killWhole, "s", 30, "... until three routers are ready and agree again"},
	{clientsBack, "s", 15, "the router of a callee of Autobahn|JS or Wampy.js is killed, until it is registered again and answers, though its program does nothing for it"},
	{drainTime, "s", 120, "`kubectl drain` of a node with two of three routers, under load"},
	{drainFailed, "calls", 0, "calls that failed meanwhile"},
	{drainUnready, "pods", 1, "routers that were not ready at the same time, meanwhile; the most"},
	{nodeTakeover, "s", 2, "the network of a node is cut, until the standby of a callee there answers at the routers of the other node"},
	{nodeWhole, "s", 15, "the network of the node is back, until all routers agree again"},
	{powerTakeover, "s", 2, "all processes of a node are killed and its network is cut, until the standby of a callee there answers at the routers of the other node"},
	{powerFailed, "calls", 12, "calls that failed then, of 400 a second between clients of the other routers, 12 at a time: those whose turn was dealt on the node"},
	{powerReplaced, "s", 60, "... the node is declared out of service, until three routers are ready and agree, without it"},
	{operatorTakeover, "s", 1, "the operator and a router are killed at once, until the standby answers"},
	{operatorStatus, "s", 30, "... until the status of the WampCluster and of the WampProcedure is right again"},
	{apiTakeover, "s", 1, "the API server is down and a router is killed, until the standby answers"},
	{apiStatus, "s", 30, "the API server is back after 12 s, until the status is right again"},
	{apiRestarts, "pods", 0, "routers that were restarted meanwhile, beside the one that was killed"},
	{familiesTime, "s", 60, "a WampCluster whose Services have IPv6 alone is created, until calls over it are answered"},
	{certificateTime, "s", 10, "the Secret of the certificate is changed, until every router shows the new one to new connections"},
	{certificateFailed, "calls", 0, "calls over TLS that failed meanwhile"},
	{certificateRestarts, "pods", 0, "routers that were restarted for it"},
	{keyTime, "s", 20, "another gossip key is asked for, until all routers use it alone"},
	{keyFailed, "calls", 0, "calls that failed meanwhile"},
	{keyRestarts, "pods", 0, "routers that were restarted for it"},
	{secretTime, "s", 10, "the Secret of a principal is changed, until every router takes the new one alone"},
	{secretRestarts, "pods", 0, "routers that were restarted for it"},
	{policyTime, "s", 5, "`invoke` is changed with enforcement Override, until calls at every router follow it; the longest"},
	{procedureTime, "s", 5, "a deleted WampProcedure is created again, until it is Ready with the callees that stayed"},
	{procedureFailed, "calls", 0, "calls that failed while it was deleted and created again"},
	{upgradeRestarts, "pods", 0, "routers that were restarted by `helm upgrade` from the previous version, with the router image pinned"},
	{upgradeFailed, "calls", 0, "calls that failed meanwhile"},
	{mixedFailed, "calls", 0, "calls that failed while the routers of the previous version were replaced by those of this one"},
	{uninstallTime, "s", 30, "the last WampCluster is deleted, until nothing of it is left"},
}

func budget(name string) (Budget, bool) {
	for _, b := range Budgets {
		if b.Name == name {
			return b, true
		}
	}
	return Budget{}, false
}

// Table is the table in docs/operations.md.
func Table() string {
	var out strings.Builder
	out.WriteString("| figure | at most | what is measured |\n|---|---|---|\n")
	for _, b := range Budgets {
		fmt.Fprintf(&out, "| `%s` | %s | %s |\n", b.Name, b.most(), strings.ReplaceAll(b.Sentence, "|", `\|`))
	}
	return out.String()
}

func (b Budget) most() string { return b.with(b.Bound) }

// with writes a figure with its unit.
func (b Budget) with(figure float64) string {
	return strconv.FormatFloat(math.Round(1000*figure)/1000, 'f', -1, 64) + " " + b.Unit
}
