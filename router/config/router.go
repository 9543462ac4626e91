package config

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// Defaults of a RouterConfiguration.
const (
	DefaultListen       = ":8080"
	DefaultAdminListen  = ":9090"
	DefaultGossip       = ":7946"
	DefaultLinks        = ":7947"
	DefaultDrainTimeout = 20 * time.Second
)

// LoadRouter reads the configuration file of a replica, with every default filled in and every
// path made absolute or relative to the working folder. The error names each thing that is
// wrong with file and line ([Problem]).
func LoadRouter(path string) (*v1alpha1.RouterConfiguration, error) {
	content, err := readFile(path)
	if err != nil {
		return nil, err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(content, &doc); err != nil {
		return nil, syntaxProblem(path, content, err)
	}
	if len(doc.Content) == 0 {
		return nil, &Problem{File: path, Message: "the file is empty: write at least kind: " + v1alpha1.KindRouterConfiguration}
	}
	root := doc.Content[0]
	kind, kindLine := top(root, "kind")
	if kind != v1alpha1.KindRouterConfiguration {
		return nil, &Problem{File: path, Line: kindLine, Path: "kind",
			Message: fmt.Sprintf("%q is not the configuration of a router: write kind: %s", kind, v1alpha1.KindRouterConfiguration)}
	}
	if version, line := top(root, "apiVersion"); version != v1alpha1.GroupVersion.String() {
		return nil, &Problem{File: path, Line: line, Path: "apiVersion",
			Message: fmt.Sprintf("%q is not served: write apiVersion: %s", version, v1alpha1.GroupVersion)}
	}
	cfg := &v1alpha1.RouterConfiguration{}
	if found := decode(path, root, cfg); len(found) > 0 {
		return nil, problems(found)
	}
	DefaultRouter(cfg)
	resolvePaths(cfg, filepath.Dir(path))
	if err := validateRouter(cfg); err != nil {
		return nil, problems(invalid(path, root, err))
	}
	return cfg, nil
}

// DefaultRouter fills in every default of a configuration that was not read from a file. A second time
// it changes nothing.
func DefaultRouter(cfg *v1alpha1.RouterConfiguration) {
	fill(&cfg.Listen, DefaultListen)
	fill(&cfg.Admin.Listen, DefaultAdminListen)
	if cfg.DrainTimeout == nil {
		cfg.DrainTimeout = &metav1.Duration{Duration: DefaultDrainTimeout}
	}
	defaultLimits(cfg)
	if c := cfg.Cluster; c != nil {
		fill(&c.Gossip, DefaultGossip)
		fill(&c.Links, DefaultLinks)
		fill(&c.Replica, os.Getenv("POD_NAME"))
		fill(&c.Advertise, os.Getenv("POD_IP"))
		if c.Replica == "" {
			c.Replica, _ = os.Hostname()
		}
	}
}

func fill(s *string, value string) {
	if *s == "" {
		*s = value
	}
}

// resolvePaths takes relative paths from the folder of the configuration file.
func resolvePaths(cfg *v1alpha1.RouterConfiguration, dir string) {
	resolve := func(path *string) {
		if *path != "" && !filepath.IsAbs(*path) {
			*path = filepath.Join(dir, *path)
		}
	}
	if cfg.TLS != nil {
		resolve(&cfg.TLS.CertFile)
		resolve(&cfg.TLS.KeyFile)
		resolve(&cfg.TLS.ClientCAFile)
	}
	if cfg.UnixSocket != nil {
		resolve(&cfg.UnixSocket.Path)
	}
	resolve(&cfg.Admin.TokenFile)
	if cfg.Cluster != nil {
		resolve(&cfg.Cluster.KeyFile)
	}
	for i := range cfg.Documents {
		resolve(&cfg.Documents[i])
	}
}

func validateRouter(cfg *v1alpha1.RouterConfiguration) error {
	var errs field.ErrorList
	wrong := func(path *field.Path, value any, format string, args ...any) {
		errs = append(errs, field.Invalid(path, value, fmt.Sprintf(format, args...)))
	}
	address := func(path *field.Path, value string) {
		if err := checkAddress(value); err != nil {
			wrong(path, value, "%v: write host:port or :port, for example :8080", err)
		}
	}
	address(field.NewPath("listen"), cfg.Listen)
	address(field.NewPath("admin", "listen"), cfg.Admin.Listen)
	errs = append(errs, validateTransports(cfg)...)
	errs = append(errs, validateLimits(&cfg.Limits)...)
	if d := cfg.DrainTimeout.Duration; d < 0 {
		wrong(field.NewPath("drainTimeout"), d, "write how long to wait at most, for example 20s")
	}
	for i, path := range cfg.Documents {
		if path == "" {
			wrong(field.NewPath("documents").Index(i), path, "write the path of a file or of a folder")
		}
	}
	if c := cfg.Cluster; c != nil {
		path := field.NewPath("cluster")
		if c.Name == "" {
			wrong(path.Child("name"), c.Name, "write a name that all replicas share, for example default/wamp")
		}
		address(path.Child("gossip"), c.Gossip)
		address(path.Child("links"), c.Links)
		if c.Advertise != "" && net.ParseIP(c.Advertise) == nil {
			wrong(path.Child("advertise"), c.Advertise, "write an IP address that the other replicas can reach")
		}
	}
	return errs.ToAggregate()
}

func checkAddress(address string) error {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		var inner *net.AddrError
		if errors.As(err, &inner) {
			return errors.New(inner.Err)
		}
		return err
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return fmt.Errorf("port %q is not a number from 0 to 65535", port)
	}
	return nil
}

// ReadToken reads the bearer token of the admin port. White space around it does not count.
func ReadToken(path string) (string, error) {
	content, err := readFile(path)
	if err != nil {
		return "", err
	}
	token := strings.TrimSpace(string(content))
	if token == "" {
		return "", &Problem{File: path, Message: "the file is empty: write the token that readers of /v1/state must send"}
	}
	return token, nil
}

// ReadKeys reads the keys of a cluster: one a line in base64, 16, 24 or 32 bytes each. The first is
// used, all are accepted (v1alpha1.ParseKeys).
func ReadKeys(path string) ([][]byte, error) {
	content, err := readFile(path)
	if err != nil {
		return nil, err
	}
	return parseKeys(path, content)
}

func parseKeys(path string, content []byte) ([][]byte, error) {
	keys, err := v1alpha1.ParseKeys(content)
	var wrong *v1alpha1.KeyFileError
	if errors.As(err, &wrong) {
		return nil, &Problem{File: path, Line: wrong.Line, Message: wrong.Message}
	}
	return keys, err
}
