package routers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/resource"
	"github.com/wamp-operator/wamp-operator/controllers/snapshot"
)

// Dial connects to a port of a pod.
type Dial func(ctx context.Context, namespace, pod string, port int) (net.Conn, error)

const (
	// patience is how long one router may take to answer.
	patience = 10 * time.Second
	// mostBytes bounds what is read of one answer.
	mostBytes = 256 << 20
)

var errPatience = fmt.Errorf("no answer within %s", patience)

// errUnknownPath: the router is of a version that does not serve this.
var errUnknownPath = errors.New("the router does not know what is asked for")

// reader asks one router.
type reader struct {
	namespace, pod, token string
	client                http.Client
}

func newReader(dial Dial, namespace, pod, token string) *reader {
	return &reader{namespace: namespace, pod: pod, token: token, client: http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dial(ctx, namespace, pod, resource.PortAdmin)
		},
		MaxIdleConnsPerHost: 1,
	}}}
}

func (r *reader) close() { r.client.CloseIdleConnections() }

func (r *reader) state(ctx context.Context) (*v1alpha1.RouterState, error) {
	out := &v1alpha1.RouterState{}
	if err := r.get(ctx, "/v1/state", nil, out); err != nil {
		return nil, err
	}
	if !out.Complete || out.Router == nil {
		return nil, errors.New("its state is not complete")
	}
	return out, nil
}

func (r *reader) links(ctx context.Context) (*v1alpha1.RouterLinks, error) {
	out := &v1alpha1.RouterLinks{}
	return out, r.get(ctx, "/v1/links", nil, out)
}

func (r *reader) callees(ctx context.Context, key snapshot.ProcedureKey) (*v1alpha1.RouterCallees, error) {
	out := &v1alpha1.RouterCallees{}
	return out, r.get(ctx, "/v1/callees", url.Values{"realm": {key.Realm}, "uri": {key.URI}, "match": {string(key.Match)}}, out)
}

func (r *reader) get(ctx context.Context, path string, query url.Values, out any) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errPatience)
	defer cancel()
	at := url.URL{Scheme: "http", Host: r.pod, Path: path, RawQuery: query.Encode()}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+r.token)
	response, err := r.client.Do(request)
	if err != nil {
		return causeOf(ctx, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, mostBytes))
	switch {
	case err != nil:
		return causeOf(ctx, err)
	case response.StatusCode == http.StatusNotFound:
		return errUnknownPath
	case response.StatusCode == http.StatusUnauthorized:
		return errors.New("it refuses the token of this cluster: the Secret is not the one that the router has")
	case response.StatusCode != http.StatusOK:
		return fmt.Errorf("it answers %s with %s: %s", path, response.Status, strings.TrimSpace(string(body)))
	}
	if err := json.Unmarshal(body, out); err != nil {
		return fmt.Errorf("reading its answer to %s: %w", path, err)
	}
	return nil
}

// causeOf is what ended the request, without the URL, which says nothing here.
func causeOf(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}
