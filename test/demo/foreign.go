package demo

import (
	"context"
	"fmt"
	"strings"
)

// push says how the images get to the nodes of a cluster that somebody else runs.
func (d *Demo) push(context.Context) error {
	d.Say("%s", d.needsImages())
	return nil
}

// needsImages tells what to do for nodes that cannot get the images.
func (d *Demo) needsImages() string {
	var b strings.Builder
	fmt.Fprintf(&b, "The nodes have to get these images; their archives are in %s.\n", d.Images.Dir)
	return b.String()
}
