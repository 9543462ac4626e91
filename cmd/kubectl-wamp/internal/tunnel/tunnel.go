// Package tunnel makes connections to ports of pods through the API server, as kubectl port-forward
// does, but opens no port on this machine.
package tunnel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
	"k8s.io/streaming/pkg/httpstream"
)

// Dialer connects to ports of pods with the rights that its Config has.
type Dialer struct{ Config *rest.Config }

// Dial connects to a port on the loopback address of a pod. What the API server or the kubelet has
// against it is in the error of Dial, or of the first Read.
func (d Dialer) Dial(ctx context.Context, namespace, pod string, port int) (net.Conn, error) {
	dialer, err := d.dialer(namespace, pod)
	if err != nil {
		return nil, err
	}
	connection, err := negotiate(ctx, dialer)
	if err != nil {
		return nil, fmt.Errorf("forwarding port %d: %w", port, err)
	}
	c, err := open(connection, addr(namespace+"/"+pod+":"+strconv.Itoa(port)), port)
	if err != nil {
		_ = connection.Close()
		return nil, fmt.Errorf("forwarding port %d: %w", port, err)
	}
	return c, nil
}

// dialer speaks SPDY in a WebSocket, and bare SPDY where the API server or a proxy does not know that.
func (d Dialer) dialer(namespace, pod string) (httpstream.Dialer, error) {
	at, err := d.url(namespace, pod)
	if err != nil {
		return nil, err
	}
	transport, upgrader, err := spdy.RoundTripperFor(d.Config)
	if err != nil {
		return nil, err
	}
	webSocket, err := portforward.NewSPDYOverWebsocketDialerForStreaming(at, d.Config)
	if err != nil {
		return nil, err
	}
	bare := spdy.NewDialerForStreaming(upgrader, &http.Client{Transport: transport}, http.MethodPost, at)
	return portforward.NewFallbackDialerForStreaming(webSocket, bare, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	}), nil
}

func (d Dialer) url(namespace, pod string) (*url.URL, error) {
	config := rest.CopyConfig(d.Config)
	config.APIPath, config.GroupVersion = "/api", &corev1.SchemeGroupVersion
	config.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	client, err := rest.RESTClientFor(config)
	if err != nil {
		return nil, err
	}
	return client.Post().Resource("pods").Namespace(namespace).Name(pod).SubResource("portforward").URL(), nil
}

// negotiate dials. A dialer knows no context, so one that comes too late is closed.
func negotiate(ctx context.Context, dialer httpstream.Dialer) (httpstream.Connection, error) {
	type result struct {
		connection httpstream.Connection
		err        error
	}
	done := make(chan result)
	go func() {
		connection, _, err := dialer.Dial(portforward.PortForwardProtocolV1Name)
		select {
		case done <- result{connection, err}:
		case <-ctx.Done():
			if err == nil {
				_ = connection.Close()
			}
		}
	}()
	select {
	case r := <-done:
		return r.connection, r.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// open makes the two streams of a forwarded connection.
func open(connection httpstream.Connection, to addr, port int) (net.Conn, error) {
	headers := http.Header{}
	headers.Set(corev1.StreamType, corev1.StreamTypeError)
	headers.Set(corev1.PortHeader, strconv.Itoa(port))
	headers.Set(corev1.PortForwardRequestIDHeader, "0")
	complaints, err := connection.CreateStream(headers)
	if err != nil {
		return nil, err
	}
	_ = complaints.Close() // nothing is written there
	headers.Set(corev1.StreamType, corev1.StreamTypeData)
	data, err := connection.CreateStream(headers)
	if err != nil {
		return nil, err
	}
	c := &conn{Stream: data, connection: connection, to: to, complaint: make(chan error, 1)}
	go func() {
		text, _ := io.ReadAll(io.LimitReader(complaints, 4096))
		if said := strings.TrimSpace(string(text)); said != "" {
			c.complaint <- errors.New(said)
		}
		close(c.complaint)
	}()
	return c, nil
}

// conn is one forwarded connection.
type conn struct {
	httpstream.Stream
	connection httpstream.Connection
	to         addr
	complaint  chan error // of the kubelet, if it has one
}

// complaintWait is how long the end of the data waits for the reason that the kubelet gives.
const complaintWait = 500 * time.Millisecond

func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Stream.Read(p)
	if err != nil && n == 0 {
		select {
		case said := <-c.complaint:
			if said != nil {
				return 0, said
			}
		case <-time.After(complaintWait):
		}
	}
	return n, err
}

func (c *conn) Close() error {
	_ = c.Reset()
	return c.connection.Close()
}

func (c *conn) LocalAddr() net.Addr  { return addr("here") }
func (c *conn) RemoteAddr() net.Addr { return c.to }

// Deadlines are the business of whoever has the context.
func (c *conn) SetDeadline(time.Time) error      { return os.ErrNoDeadline }
func (c *conn) SetReadDeadline(time.Time) error  { return os.ErrNoDeadline }
func (c *conn) SetWriteDeadline(time.Time) error { return os.ErrNoDeadline }

type addr string

func (addr) Network() string  { return "pod" }
func (a addr) String() string { return string(a) }
