// Package metrics shows to Prometheus what the operator knows of its clusters, besides what
// controller-runtime shows of every controller.
//
// What must hold: the number of series of a cluster has a bound that neither its procedures nor its
// routers move; the series of a deleted cluster go with it; and collecting them costs the API server
// nothing. So nothing is counted beside the work: everything is looked up when it is asked for.
package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/conditions"
	"github.com/wamp-operator/wamp-operator/controllers/resource"
	"github.com/wamp-operator/wamp-operator/controllers/routerstate"
	"github.com/wamp-operator/wamp-operator/controllers/snapshot"
)

// patience bounds a collection.
const patience = 5 * time.Second

// Collector collects the metrics of all clusters.
type Collector struct {
	// Client reads from the cache.
	Client  client.Reader
	Book    *snapshot.Book
	Watcher *routerstate.Watcher
	Events  *conditions.Recorder
	// Elected is closed when this operator is the one that works. Before that it shows nothing: the
	// sums over several operators are right.
	Elected <-chan struct{}
}

func desc(name, help string, more ...string) *prometheus.Desc {
	return prometheus.NewDesc("wamp_operator_"+name, help, append([]string{"namespace", resource.LabelMetricsCluster}, more...), nil)
}

var (
	routersDesc = desc("cluster_routers",
		"Routers of a WampCluster by state: wanted by its spec, created, ready, updated to what its spec says, programmed with all that it serves.", "state")
	conditionDesc = desc("cluster_condition",
		"Conditions of a WampCluster: 1 when True, else 0.", "type")
	streamsDesc = desc("router_streams",
		"Routers of a WampCluster that run, by whether the operator hears their state: open or broken.", "state")
	realmsDesc = desc("realms",
		"WampRealms that refer to a WampCluster, by their condition Ready: True, False or Unknown.", "ready")
	proceduresDesc = desc("procedures",
		"WampProcedures that refer to a WampCluster, by their condition Ready: True, False or Unknown.", "ready")
	bytesDesc = desc("snapshot_bytes",
		"Size of what the routers of a WampCluster are told to serve, in bytes, without credentials.")
	partsDesc = desc("snapshot_parts",
		"Number of ConfigMaps that hold what the routers of a WampCluster are told to serve; 16 is the limit.")
	publishDesc = desc("snapshot_publish_total",
		"How often something else was written for the routers of a WampCluster to serve.")
	leftOutDesc = desc("events_left_out_total",
		"Events about WampRealms and WampProcedures of a WampCluster that were not written because there were too many at once.")
)

// Describe implements prometheus.Collector.
func (c *Collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{routersDesc, conditionDesc, streamsDesc, realmsDesc, proceduresDesc, bytesDesc, partsDesc, publishDesc, leftOutDesc} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c *Collector) Collect(out chan<- prometheus.Metric) {
	select {
	case <-c.Elected:
	default:
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var clusters v1alpha1.WampClusterList
	if err := c.Client.List(ctx, &clusters, client.UnsafeDisableDeepCopy); err != nil {
		// The caches are not filled yet; an operator whose caches break ends.
		return
	}
	realms, procedures := c.readiness(ctx)
	for i := range clusters.Items {
		c.cluster(&clusters.Items[i], series{out, clusters.Items[i].Namespace, clusters.Items[i].Name}, realms, procedures)
	}
}

func (c *Collector) cluster(cluster *v1alpha1.WampCluster, s series, realms, procedures tally) {
	status, name := cluster.Status, client.ObjectKeyFromObject(cluster)
	s.gauge(routersDesc, float64(resource.Replicas(cluster)), "wanted")
	s.gauge(routersDesc, float64(status.Replicas), "created")
	s.gauge(routersDesc, float64(status.ReadyReplicas), "ready")
	s.gauge(routersDesc, float64(status.UpdatedReplicas), "updated")
	s.gauge(routersDesc, float64(status.ProgrammedReplicas), "programmed")
	for _, kind := range []string{
		v1alpha1.ConditionAvailable, v1alpha1.ConditionProgressing, v1alpha1.ConditionProgrammed,
		v1alpha1.ConditionConsistent, v1alpha1.ConditionStalled, v1alpha1.ConditionReady,
	} {
		value := 0.0
		if meta.IsStatusConditionTrue(status.Conditions, kind) {
			value = 1
		}
		s.gauge(conditionDesc, value, kind)
	}
	open, broken := 0, 0
	for _, r := range c.Watcher.View(name).Replicas {
		if r.Connected {
			open++
		} else {
			broken++
		}
	}
	s.gauge(streamsDesc, float64(open), "open")
	s.gauge(streamsDesc, float64(broken), "broken")
	s.emit(leftOutDesc, prometheus.CounterValue, float64(c.Events.LeftOut(name)))
	for _, ready := range []metav1.ConditionStatus{metav1.ConditionTrue, metav1.ConditionFalse, metav1.ConditionUnknown} {
		s.gauge(realmsDesc, float64(realms[name][ready]), string(ready))
		s.gauge(proceduresDesc, float64(procedures[name][ready]), string(ready))
	}
	if size, known := c.Book.Size(name); known {
		s.gauge(bytesDesc, float64(size.Bytes))
		s.gauge(partsDesc, float64(size.Parts))
		s.emit(publishDesc, prometheus.CounterValue, float64(size.Written))
	}
}

// tally counts objects by the cluster that they refer to and by their condition Ready.
type tally map[types.NamespacedName]map[metav1.ConditionStatus]int

func (t tally) count(cluster types.NamespacedName, generation int64, conditions []metav1.Condition) {
	of := t[cluster]
	if of == nil {
		of = map[metav1.ConditionStatus]int{}
		t[cluster] = of
	}
	ready := meta.FindStatusCondition(conditions, v1alpha1.ConditionReady)
	if ready == nil || ready.ObservedGeneration < generation {
		of[metav1.ConditionUnknown]++
		return
	}
	of[ready.Status]++
}

// readiness reads all realms and procedures, which are in the cache, without copying what is in them.
func (c *Collector) readiness(ctx context.Context) (realms, procedures tally) {
	realms, procedures = tally{}, tally{}
	var r v1alpha1.WampRealmList
	if c.Client.List(ctx, &r, client.UnsafeDisableDeepCopy) == nil {
		for i := range r.Items {
			o := &r.Items[i]
			realms.count(o.Spec.ClusterRef.Key(o.Namespace), o.Generation, o.Status.Conditions)
		}
	}
	var p v1alpha1.WampProcedureList
	if c.Client.List(ctx, &p, client.UnsafeDisableDeepCopy) == nil {
		for i := range p.Items {
			o := &p.Items[i]
			procedures.count(o.Spec.ClusterRef.Key(o.Namespace), o.Generation, o.Status.Conditions)
		}
	}
	return realms, procedures
}

// series are those of one cluster.
type series struct {
	out             chan<- prometheus.Metric
	namespace, name string
}

func (s series) gauge(d *prometheus.Desc, value float64, more ...string) {
	s.emit(d, prometheus.GaugeValue, value, more...)
}

func (s series) emit(d *prometheus.Desc, kind prometheus.ValueType, value float64, more ...string) {
	s.out <- prometheus.MustNewConstMetric(d, kind, value, append([]string{s.namespace, s.name}, more...)...)
}
