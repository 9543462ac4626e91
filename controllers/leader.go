package controllers

import (
	"os"
	"strings"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
)

// LeaseName is the name of the lease of the operator that works.
const LeaseName = "wamp-operator.wamp-operator.io"

// How one of several operators becomes the one that works. The others ask every leaseRetry, or up to
// 2.2 times as long, whether the lease is free. One that is stopped gives it back; one that crashed, or
// lost its node, keeps it for leaseDuration. One that cannot renew its lease for renewDeadline ends, and
// is started anew: within it the API server may be away.
const (
	leaseDuration = 15 * time.Second
	renewDeadline = 10 * time.Second
	leaseRetry    = time.Second
)

// ElectLeader lets one of several operators work. The manager's process has to end when the manager
// does: another one works from then on.
func ElectLeader(options *ctrl.Options, namespace string) {
	options.LeaderElection = true
	options.LeaderElectionID = LeaseName
	options.LeaderElectionNamespace = namespace
	options.LeaderElectionReleaseOnCancel = true
	options.LeaseDuration, options.RenewDeadline, options.RetryPeriod = ptr.To(leaseDuration), ptr.To(renewDeadline), ptr.To(leaseRetry)
}

// NameLeader lets the operator that works be called as its pod, after ElectLeader. One that crashed and is
// started anew in the same pod has its lease at once, instead of waiting until that of its former life is
// over. Nothing changes without the name of a pod.
func NameLeader(options *ctrl.Options, config *rest.Config, pod string) error {
	if pod == "" {
		return nil
	}
	if options.LeaderElectionNamespace == "" {
		own, err := os.ReadFile("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
		if err != nil {
			return err
		}
		options.LeaderElectionNamespace = strings.TrimSpace(string(own))
	}
	lock, err := resourcelock.NewFromKubeconfig(resourcelock.LeasesResourceLock, options.LeaderElectionNamespace, options.LeaderElectionID,
		resourcelock.ResourceLockConfig{Identity: pod}, config, renewDeadline)
	options.LeaderElectionResourceLockInterface = lock
	return err
}
