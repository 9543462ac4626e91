package resource

import (
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

func TestStatefulSet(t *testing.T) {
	set := as[appsv1.StatefulSet](t, StatefulSet(demo(), image, 1))
	if set.Name != "demo" || set.Namespace != "apps" || *set.Spec.Replicas != 3 {
		t.Errorf("name %s/%s, replicas %d", set.Namespace, set.Name, *set.Spec.Replicas)
	}
	if set.Spec.PodManagementPolicy != appsv1.ParallelPodManagement {
		t.Error("routers wait for one another to start")
	}
	if set.Spec.ServiceName != HeadlessServiceName("demo") {
		t.Errorf("serviceName %q", set.Spec.ServiceName)
	}
	for key, value := range set.Spec.Selector.MatchLabels {
		if set.Spec.Template.Labels[key] != value {
			t.Errorf("the selector asks for %s=%s, the pods have %q", key, value, set.Spec.Template.Labels[key])
		}
	}
	if owner := metav1.GetControllerOf(&set); owner == nil || owner.UID != "demo-uid" || *owner.BlockOwnerDeletion {
		t.Errorf("owner %+v: the garbage collector has to follow it, and the deletion must not wait", owner)
	}
}

// A router that is told to stop drains and says goodbye before it is killed.
func TestTerminationGracePeriod(t *testing.T) {
	for drain, want := range map[time.Duration]int64{0: 10, 20 * time.Second: 30, 1500 * time.Millisecond: 12} {
		cluster := demo()
		cluster.Spec.DrainTimeout = &metav1.Duration{Duration: drain}
		set := as[appsv1.StatefulSet](t, StatefulSet(cluster, image, 1))
		if got := ptr.Deref(set.Spec.Template.Spec.TerminationGracePeriodSeconds, 0); got != want {
			t.Errorf("drainTimeout %s: %d s, want %d", drain, got, want)
		}
	}
	if set := as[appsv1.StatefulSet](t, StatefulSet(demo(), image, 1)); *set.Spec.Template.Spec.TerminationGracePeriodSeconds != 30 {
		t.Error("without a drainTimeout a router has 20 s and 10 more")
	}
}
