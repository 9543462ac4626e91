package app

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// States asks the administration port of every router what it holds.
func States(ctx context.Context, routers Routers, port, token string) ([]v1alpha1.RouterState, error) {
	var states []v1alpha1.RouterState
	for _, name := range routers.Names {
		u, err := url.Parse(routers.URL(name))
		if err != nil {
			return nil, err
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(u.Hostname(), port)+"/v1/state", nil)
		if err != nil {
			return nil, err
		}
		req.Header.Set("Authorization", "Bearer "+token)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return nil, err
		}
		var state v1alpha1.RouterState
		err = json.NewDecoder(res.Body).Decode(&state)
		_ = res.Body.Close()
		if res.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("the state of %s: %s", name, res.Status)
		}
		if err != nil {
			return nil, fmt.Errorf("the state of %s: %w", name, err)
		}
		states = append(states, state)
	}
	return states, nil
}
