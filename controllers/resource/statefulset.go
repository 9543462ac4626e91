package resource

import (
	"math"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	appsv1ac "k8s.io/client-go/applyconfigurations/apps/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// StatefulSet runs the routers. Pods start in parallel: no router waits for another one to be
// there, and the names of pods stay when they are replaced, which the operator does: it knows better than
// the StatefulSet when another router can be spared. image is the router's, already
// defaulted; parts is how many parts of a snapshot the pods take.
func StatefulSet(cluster *v1alpha1.WampCluster, image string, parts int) *appsv1ac.StatefulSetApplyConfiguration {
	return appsv1ac.StatefulSet(StatefulSetName(cluster.Name), cluster.Namespace).
		WithLabels(Labels(cluster.Name)).
		WithOwnerReferences(ownerReference(cluster)).
		WithSpec(appsv1ac.StatefulSetSpec().
			WithReplicas(Replicas(cluster)).
			WithServiceName(HeadlessServiceName(cluster.Name)).
			WithPodManagementPolicy(appsv1.ParallelPodManagement).
			WithUpdateStrategy(appsv1ac.StatefulSetUpdateStrategy().WithType(appsv1.OnDeleteStatefulSetStrategyType)).
			WithRevisionHistoryLimit(5).
			WithSelector(metav1ac.LabelSelector().WithMatchLabels(Selector(cluster.Name))).
			WithTemplate(podTemplate(cluster, image, parts)))
}

// Replicas is the number of routers that the cluster asks for.
func Replicas(cluster *v1alpha1.WampCluster) int32 {
	return ptr.Deref(cluster.Spec.Replicas, 3)
}

// terminationGracePeriod leaves a router its drain and ten seconds to say goodbye, in seconds.
func terminationGracePeriod(cluster *v1alpha1.WampCluster) int64 {
	return int64(math.Ceil((drainTimeout(cluster) + 10*time.Second).Seconds()))
}
