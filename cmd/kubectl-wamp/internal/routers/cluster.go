// Package routers reads what is known of a WampCluster: its objects from the API server, and what each
// of its routers says of itself from the routers' administration ports.
package routers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/resource"
	"github.com/wamp-operator/wamp-operator/controllers/routerstate"
	"github.com/wamp-operator/wamp-operator/controllers/snapshot"
)

// Source is where everything is read.
type Source struct {
	Client client.Client
	Dial   Dial
}

// Cluster is a WampCluster as it was seen once.
type Cluster struct {
	Object v1alpha1.WampCluster
	// Pods are its router pods, by name.
	Pods []corev1.Pod
	// States are what routers said, by the names of their pods, Links with whom they are linked (those
	// of a version that does not tell are not in it), and Trouble why a router was not heard.
	States  map[string]*v1alpha1.RouterState
	Links   map[string]*v1alpha1.RouterLinks
	Trouble map[string]string
	// Silence is why no router could be asked at all; empty when they were.
	Silence string
	// Realms and Procedures refer to the cluster.
	Realms     []v1alpha1.WampRealm
	Procedures []v1alpha1.WampProcedure
	// Partial says which of them may be missing; empty when none are.
	Partial string
}

const (
	// together is how many routers are asked at once.
	together = 16
	// looks is how often lists are read that differ, and again the pause in between: callees that come
	// and go make them differ for a moment.
	looks = 3
	again = 400 * time.Millisecond
)

// Look reads everything about a cluster. What is missing because this user may not read it, or a router
// does not answer, is said in the result; the error is that there is no such cluster, or that the API server
// does not answer.
func (s *Source) Look(ctx context.Context, name types.NamespacedName) (*Cluster, error) {
	object, err := s.Get(ctx, name)
	if err != nil {
		return nil, err
	}
	c := &Cluster{Object: *object}
	var pods corev1.PodList
	if err := s.Client.List(ctx, &pods, client.InNamespace(name.Namespace), client.MatchingLabels(resource.Selector(name.Name))); err != nil {
		return nil, err
	}
	c.Pods = pods.Items
	slices.SortFunc(c.Pods, func(a, b corev1.Pod) int { return compareNames(a.Name, b.Name) })
	if err := s.attached(ctx, c); err != nil {
		return nil, err
	}
	token, err := s.token(ctx, name)
	if err != nil {
		c.Silence = err.Error()
		return c, nil
	}
	for look := 1; ; look++ {
		s.ask(ctx, c, token)
		if look == looks || c.Agree() {
			return c, nil
		}
		select {
		case <-ctx.Done():
			return c, nil
		case <-time.After(again):
		}
	}
}

// Get reads a WampCluster; when it is not there, the error says which are.
func (s *Source) Get(ctx context.Context, name types.NamespacedName) (*v1alpha1.WampCluster, error) {
	c := &v1alpha1.WampCluster{}
	if err := s.Client.Get(ctx, name, c); err != nil {
		return nil, s.notThere(ctx, name, err)
	}
	return c, nil
}

// Callees asks all routers that were heard about one procedure.
func (s *Source) Callees(ctx context.Context, c *Cluster, key snapshot.ProcedureKey) (map[string]*v1alpha1.RouterCallees, error) {
	token, err := s.token(ctx, client.ObjectKeyFromObject(&c.Object))
	if err != nil {
		return nil, err
	}
	out := map[string]*v1alpha1.RouterCallees{}
	var mu sync.Mutex
	s.each(c, func(pod string) {
		if c.States[pod] == nil {
			return
		}
		r := newReader(s.Dial, c.Object.Namespace, pod, token)
		defer r.close()
		if got, err := r.callees(ctx, key); err == nil {
			mu.Lock()
			defer mu.Unlock()
			out[pod] = got
		}
	})
	return out, nil
}

// Agree tells whether the routers that are ready and were heard have the same lists of callees.
func (c *Cluster) Agree() bool {
	hash := ""
	for _, state := range c.States {
		if !state.Router.Ready {
			continue
		}
		if hash == "" {
			hash = state.Router.ListHash
		}
		if state.Router.ListHash != hash {
			return false
		}
	}
	return true
}

// Registered are the procedures that have callees, as the routers know them.
func (c *Cluster) Registered() map[snapshot.ProcedureKey]routerstate.Procedure {
	return routerstate.Merge(c.States)
}

// token reads what the routers ask for.
func (s *Source) token(ctx context.Context, name types.NamespacedName) (string, error) {
	secret := corev1.Secret{}
	key := types.NamespacedName{Namespace: name.Namespace, Name: resource.AdminSecretName(name.Name)}
	if err := s.Client.Get(ctx, key, &secret); err != nil {
		switch {
		case apierrors.IsForbidden(err):
			return "", fmt.Errorf("you may not read the Secret %s, which has the token that routers ask for: ask for the right to get it", key)
		case apierrors.IsNotFound(err):
			return "", fmt.Errorf("there is no Secret %s yet: the operator makes it (kubectl wamp version tells whether one runs)", key)
		}
		return "", fmt.Errorf("reading the token of the routers: %w", err)
	}
	return string(secret.Data[resource.AdminToken]), nil
}

// ask reads the state of all routers that run.
func (s *Source) ask(ctx context.Context, c *Cluster, token string) {
	c.States, c.Links, c.Trouble = map[string]*v1alpha1.RouterState{}, map[string]*v1alpha1.RouterLinks{}, map[string]string{}
	var mu sync.Mutex
	s.each(c, func(pod string) {
		r := newReader(s.Dial, c.Object.Namespace, pod, token)
		defer r.close()
		state, err := r.state(ctx)
		links := (*v1alpha1.RouterLinks)(nil)
		if err == nil {
			var unlinked error
			if links, unlinked = r.links(ctx); unlinked != nil && !errors.Is(unlinked, errUnknownPath) {
				err = unlinked
			} else if unlinked != nil {
				links = nil
			}
		}
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			c.Trouble[pod] = err.Error()
			return
		}
		c.States[pod] = state
		if links != nil {
			c.Links[pod] = links
		}
	})
}

// each does something for every pod whose router can be there, some at a time.
func (s *Source) each(c *Cluster, do func(pod string)) {
	var wg sync.WaitGroup
	room := make(chan struct{}, together)
	for i := range c.Pods {
		if c.Pods[i].Status.Phase != corev1.PodRunning {
			continue
		}
		room <- struct{}{}
		wg.Go(func() {
			defer func() { <-room }()
			do(c.Pods[i].Name)
		})
	}
	wg.Wait()
}

// attached reads what refers to the cluster: from every namespace, or from its own when that is all that
// this user may list.
func (s *Source) attached(ctx context.Context, c *Cluster) error {
	var realms v1alpha1.WampRealmList
	var procedures v1alpha1.WampProcedureList
	for _, list := range []client.ObjectList{&realms, &procedures} {
		err := s.Client.List(ctx, list)
		if apierrors.IsForbidden(err) {
			if from := c.Object.Spec.AllowedNamespaces.From; from != "" && from != v1alpha1.NamespacesFromSame {
				c.Partial = fmt.Sprintf("WampRealms and WampProcedures of other namespaces than %s may be missing here: you may not list them", c.Object.Namespace)
			}
			err = s.Client.List(ctx, list, client.InNamespace(c.Object.Namespace))
		}
		if err != nil {
			return err
		}
	}
	name := client.ObjectKeyFromObject(&c.Object)
	for _, r := range realms.Items {
		if r.Spec.ClusterRef.Key(r.Namespace) == name {
			c.Realms = append(c.Realms, r)
		}
	}
	for _, p := range procedures.Items {
		if p.Spec.ClusterRef.Key(p.Namespace) == name {
			c.Procedures = append(c.Procedures, p)
		}
	}
	return nil
}

// notThere says which clusters there are when the one that was asked for is not.
func (s *Source) notThere(ctx context.Context, name types.NamespacedName, err error) error {
	if !apierrors.IsNotFound(err) {
		return err
	}
	var list v1alpha1.WampClusterList
	if s.Client.List(ctx, &list, client.InNamespace(name.Namespace)) != nil || len(list.Items) == 0 {
		return fmt.Errorf("there is no WampCluster %s in namespace %s, nor any other: choose another namespace with -n", name.Name, name.Namespace)
	}
	var names []string
	for _, c := range list.Items {
		names = append(names, c.Name)
	}
	return fmt.Errorf("there is no WampCluster %s in namespace %s; there is: %s", name.Name, name.Namespace, strings.Join(names, ", "))
}

// compareNames orders demo-2 before demo-10.
func compareNames(a, b string) int {
	if d := len(a) - len(b); d != 0 {
		return d
	}
	return strings.Compare(a, b)
}
