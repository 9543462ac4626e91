package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/cmd/kubectl-wamp/internal/routers"
	"github.com/wamp-operator/wamp-operator/cmd/kubectl-wamp/internal/tunnel"
)

// plugin is what all commands share.
type plugin struct {
	kubeconfig string
	overrides  clientcmd.ConfigOverrides
	output     string

	// connect makes a session from the flags.
	connect func(*plugin) (*session, error)
	// clock of the tests; nil: the real one.
	clock func() time.Time
}

// session is a connection to a Kubernetes, and the namespace that was chosen.
type session struct {
	*routers.Source
	namespace string
}

func newScheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, appsv1.AddToScheme, v1alpha1.AddToScheme} {
		utilruntime.Must(add(scheme))
	}
	return scheme
}

// connect reads the kubeconfig as kubectl does. Nothing is asked of the API server yet.
func connect(p *plugin) (*session, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = p.kubeconfig
	chosen := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &p.overrides)
	namespace, _, err := chosen.Namespace()
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig: %w", err)
	}
	config, err := chosen.ClientConfig()
	if clientcmd.IsEmptyConfig(err) {
		return nil, errors.New("there is no kubeconfig: name one with --kubeconfig or the environment variable KUBECONFIG")
	}
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig: %w", err)
	}
	config.UserAgent, config.QPS, config.WarningHandler = "kubectl-wamp/"+versionString(), -1, rest.NoWarnings{}
	api, err := client.New(config, client.Options{Scheme: newScheme()})
	if err != nil {
		return nil, err
	}
	return &session{Source: &routers.Source{Client: api, Dial: tunnel.Dialer{Config: config}.Dial}, namespace: namespace}, nil
}

// flags adds those of kubectl that choose the cluster, the user and the namespace. Help shows the ones
// that are used every day.
func (p *plugin) flags(set *pflag.FlagSet) {
	set.StringVar(&p.kubeconfig, "kubeconfig", "", "path to the kubeconfig file to use")
	names := clientcmd.RecommendedConfigOverrideFlags("")
	names.ContextOverrideFlags.Namespace.Description = "namespace to look into; that of the context when absent"
	names.CurrentContext.Description = "context of the kubeconfig to use"
	names.AuthOverrideFlags.Impersonate.Description = "user to impersonate"
	clientcmd.BindOverrideFlags(&p.overrides, set, names)
	set.VisitAll(func(f *pflag.Flag) {
		switch f.Name {
		case "kubeconfig", clientcmd.FlagNamespace, clientcmd.FlagContext, clientcmd.FlagImpersonate:
		default:
			f.Hidden = true
		}
	})
}

// outputFlag adds -o to a command that prints a report.
func (p *plugin) outputFlag(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&p.output, "output", "o", "table", "table, json or yaml")
	complete(cmd, "output", "table", "json", "yaml")
	check := cmd.Args
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		switch p.output {
		case "table", "json", "yaml":
			return check(cmd, args)
		}
		return fmt.Errorf("-o %q: write table, json or yaml", p.output)
	}
}

// printable is what commands print.
type printable interface{ Write(w io.Writer) error }

func (p *plugin) print(w io.Writer, r printable) error {
	var out []byte
	var err error
	switch p.output {
	case "json":
		out, err = json.MarshalIndent(r, "", "  ")
		out = append(out, '\n')
	case "yaml":
		out, err = yaml.Marshal(r)
	default:
		return r.Write(w)
	}
	if err == nil {
		_, err = w.Write(out)
	}
	return err
}

func (p *plugin) now() time.Time {
	if p.clock != nil {
		return p.clock()
	}
	return time.Now()
}

// explained says what to do about errors that many commands can have.
func explained(err error) string {
	text := err.Error()
	switch {
	case meta.IsNoMatchError(err):
		return "this Kubernetes does not know WampClusters: install wamp-operator there, or choose another with --context"
	case apierrors.IsUnauthorized(err):
		return "the API server does not know you (" + text + "): log in again, or choose another --context"
	case apierrors.IsForbidden(err):
		return text + "\nAsk for the rights of a reader: get and list of wampclusters, wamprealms, wampprocedures and pods, get of the Secret CLUSTER-admin, " +
			"and create of pods/portforward; rotate-gossip-key asks for patch of wampclusters as well"
	}
	var status apierrors.APIStatus
	if !errors.As(err, &status) && isConnection(err) {
		return "the API server does not answer: " + text
	}
	return text
}
