package figures

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/router/wamp"
	"github.com/wamp-operator/wamp-operator/test/chaos/client"
	"github.com/wamp-operator/wamp-operator/test/chaos/lab"
	"github.com/wamp-operator/wamp-operator/test/chaos/load"
)

const (
	realm = load.Realm
	// settling bounds how long replicas may take to agree before something is measured.
	settling = 30 * time.Second
	// answering is far beyond any answer.
	answering = 15 * time.Second
)

// cluster is a lab with its clients.
type cluster struct {
	*lab.Lab
	ctx      context.Context
	mu       sync.Mutex
	sessions []*client.Session
}

// cluster makes the network of a cluster; nothing runs yet.
func (b *Bench) prepare(ctx context.Context, replicas int, procedures ...*v1alpha1.WampProcedure) (*cluster, error) {
	b.labs++
	dir := filepath.Join(b.Dir, fmt.Sprintf("cluster%d", b.labs))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	documents := []any{openRealm()}
	for _, p := range procedures {
		documents = append(documents, p)
	}
	l, err := lab.New(lab.Config{Router: b.Router, Replicas: replicas, Dir: dir, Documents: documents, LogLevel: "info"})
	if err != nil {
		return nil, err
	}
	return &cluster{Lab: l, ctx: ctx}, nil
}

// cluster starts a cluster and waits until its replicas agree.
func (b *Bench) cluster(ctx context.Context, replicas int, procedures ...*v1alpha1.WampProcedure) (*cluster, error) {
	c, err := b.prepare(ctx, replicas, procedures...)
	if err != nil {
		return nil, err
	}
	starting, cancel := context.WithTimeout(ctx, settling)
	defer cancel()
	if err := c.Start(starting); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

func (c *cluster) close() {
	c.mu.Lock()
	sessions := c.sessions
	c.mu.Unlock()
	for _, s := range sessions {
		s.Break()
	}
	c.Close()
}

// openRealm is a realm in which everybody may do everything.
func openRealm() *v1alpha1.WampRealm {
	return &v1alpha1.WampRealm{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "WampRealm"},
		ObjectMeta: metav1.ObjectMeta{Name: realm},
		Spec: v1alpha1.WampRealmSpec{
			ClusterRef: v1alpha1.ClusterReference{Name: "figures"}, Realm: realm,
			Anonymous: &v1alpha1.AnonymousAccess{Role: "all"},
			Roles: []v1alpha1.Role{{Name: "all", Permissions: []v1alpha1.Permission{{
				Match: v1alpha1.PatternPrefix,
				Allow: []v1alpha1.Action{v1alpha1.ActionCall, v1alpha1.ActionRegister, v1alpha1.ActionPublish, v1alpha1.ActionSubscribe},
			}}}},
		},
	}
}

// declared is a procedure that is declared, so that it can have what only those have.
func declared(name, uri string, invoke v1alpha1.InvocationPolicy) *v1alpha1.WampProcedure {
	return &v1alpha1.WampProcedure{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "WampProcedure"},
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1alpha1.WampProcedureSpec{
			ClusterRef: v1alpha1.ClusterReference{Name: "figures"}, Realm: realm, URI: uri,
			Match: v1alpha1.MatchExact, Invoke: invoke,
		},
	}
}

// join opens a session at a replica.
func (c *cluster) join(i int, h client.Handler) (*client.Session, error) {
	r := c.Replicas[i]
	ctx, cancel := context.WithTimeout(c.ctx, answering)
	defer cancel()
	nc, err := c.Dial(ctx, "tcp", r.Address)
	if err != nil {
		return nil, err
	}
	s, err := client.Join(ctx, nc, r.Name, realm, h)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sessions = append(c.sessions, s)
	return s, nil
}

// callee joins at a replica and registers a procedure.
func (c *cluster) callee(i int, uri, policy string, h client.Handler) (*client.Session, error) {
	s, err := c.join(i, h)
	if err != nil {
		return nil, err
	}
	return s, c.register(s, uri, policy)
}

func (c *cluster) register(s *client.Session, uri, policy string) error {
	a, err := c.ask(func(r client.Receiver) bool { return s.Register(uri, policy, r) })
	if err == nil && a.err() != nil {
		err = fmt.Errorf("registering %s at %s: %w", uri, s.Replica, a.err())
	}
	return err
}

// agree waits until replicas, all of them without any, hold the same.
func (c *cluster) agree(among ...*lab.Replica) error {
	if len(among) == 0 {
		among = c.Replicas
	}
	ctx, cancel := context.WithTimeout(c.ctx, settling)
	defer cancel()
	return c.AwaitAgreement(ctx, among...)
}

// again starts a replica whose process has ended, and waits until the new one speaks: until then its
// state is that of the old one.
func (c *cluster) again(r *lab.Replica, before string) error {
	if err := r.Start(); err != nil {
		return err
	}
	for begun := time.Now(); member(r) == "" || member(r) == before; {
		if time.Since(begun) > settling {
			return fmt.Errorf("%s does not speak %v after it was started", r.Name, settling)
		}
		if err := c.pause(time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// member is the name that a replica has in the cluster for this run of its process; empty while it
// does not speak.
func member(r *lab.Replica) string {
	if s := r.State(); s != nil {
		return s.Member
	}
	return ""
}

// except are all replicas but one.
func (c *cluster) except(i int) (rest []*lab.Replica) {
	for _, r := range c.Replicas {
		if r != c.Replicas[i] {
			rest = append(rest, r)
		}
	}
	return rest
}

// reply is an answer that stays when the next one comes.
type reply struct {
	callee uint64 // number of the callee that gave a RESULT; 0: none did
	error  string
	lost   error
	at     time.Time
}

func (r reply) err() error {
	if r.error != "" {
		return fmt.Errorf("ERROR %s", r.error)
	}
	return r.lost
}

func replied(a *client.Answer) reply {
	n, _ := client.Number(a.Arguments, 0)
	return reply{callee: n, error: a.Error, lost: a.Lost, at: time.Now()}
}

// ask sends a request and waits for its answer.
func (c *cluster) ask(request func(client.Receiver) bool) (reply, error) {
	answer := make(chan reply, 1)
	if !request(client.ReceiverFunc(func(a *client.Answer) { answer <- replied(a) })) {
		return reply{}, client.ErrLost
	}
	select {
	case r := <-answer:
		return r, nil
	case <-c.ctx.Done():
		return reply{}, c.ctx.Err()
	case <-time.After(answering):
		return reply{}, fmt.Errorf("a request was not answered within %v", answering)
	}
}

// call calls a procedure and waits for the answer.
func (c *cluster) call(s *client.Session, uri string) (reply, error) {
	return c.ask(func(r client.Receiver) bool { return s.Call(uri, nil, r) })
}

// number is a callee that answers each call with its number.
type number struct {
	client.Silent
	n uint64
}

// Invoked implements client.Handler.
func (n number) Invoked(s *client.Session, invocation wamp.ID, _ []byte) {
	s.Yield(invocation, client.AppendNumbers(nil, n.n))
}

// pause waits, unless the figure is out of time.
func (c *cluster) pause(d time.Duration) error {
	select {
	case <-c.ctx.Done():
		return c.ctx.Err()
	case <-time.After(d):
		return nil
	}
}
