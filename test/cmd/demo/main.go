// Command demo shows three router pods that act as one WAMP dealer. `make demo` runs it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/wamp-operator/wamp-operator/test/demo"
)

func main() {
	var (
		cluster demo.Cluster
		images  demo.Images
	)
	flag.StringVar(&cluster.Repo, "repo", "..", "root of the repository")
	flag.StringVar(&cluster.Tool, "kube", "", "program of hack/kube (required)")
	flag.StringVar(&cluster.Kubeconfig, "kubeconfig", "", "use this cluster in place of the local one")
	flag.StringVar(&images.Dir, "images", "", "directory for image archives (required)")
	flag.StringVar(&images.Repository, "image-registry", "", "prefix of the image names, to which the images are pushed; only with -kubeconfig")
	flag.Parse()
	if cluster.Tool == "" || images.Dir == "" {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	d := &demo.Demo{Screen: demo.NewScreen(os.Stdout), Cluster: &cluster, Images: &images}
	if err := run(ctx, d); ctx.Err() != nil {
		fmt.Fprintln(os.Stderr, "\ndemo: interrupted; run it again whenever you like, `make kube-down` ends the local cluster")
		os.Exit(130)
	} else if err != nil {
		fmt.Fprintf(os.Stderr, "\ndemo: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, d *demo.Demo) error {
	d.Welcome()
	for _, step := range []func(context.Context) error{d.Prepare, d.Install, d.Apply, d.StartCallees} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	if _, err := d.Look(ctx); err != nil {
		return err
	}
	if _, err := d.Rotate(ctx); err != nil {
		return err
	}
	takeover, err := d.Failover(ctx)
	if err != nil {
		return err
	}
	if err := d.Return(ctx, takeover); err != nil {
		return err
	}
	if _, _, err := d.Refuse(ctx); err != nil {
		return err
	}
	if _, err := d.Nonsense(ctx); err != nil {
		return err
	}
	d.Farewell()
	return nil
}
