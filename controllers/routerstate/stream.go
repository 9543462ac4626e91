package routerstate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// silence is how long a stream may say nothing: a router sends an empty line every 5 s.
const silence = 12 * time.Second

var errSilent = errors.New("the router said nothing for 12 s")

// read opens the state stream of a router and hands every line to take, until the stream ends,
// the context is done, or the router is silent for too long. It always returns an error.
func read(ctx context.Context, client *http.Client, url, token string, take func(*v1alpha1.RouterState)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watchdog := time.AfterFunc(silence, func() { cancel(errSilent) })
	defer watchdog.Stop()

	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := client.Do(request)
	if err != nil {
		return causeOf(ctx, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the router answers %s with %s", request.URL.Path, response.Status)
	}

	decoder := json.NewDecoder(&listener{body: response.Body, heard: func() { watchdog.Reset(silence) }})
	for {
		line := &v1alpha1.RouterState{}
		if err := decoder.Decode(line); err != nil {
			if errors.Is(err, io.EOF) {
				return errors.New("the router ended the stream")
			}
			return causeOf(ctx, err)
		}
		take(line)
	}
}

// listener notices every octet of a body, those of empty lines included.
type listener struct {
	body  io.Reader
	heard func()
}

func (l *listener) Read(p []byte) (int, error) {
	n, err := l.body.Read(p)
	if n > 0 {
		l.heard()
	}
	return n, err
}

func causeOf(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}
