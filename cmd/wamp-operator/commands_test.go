package main

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/controllers"
)

// The chart's Job and test call the commands by these names and flags.
func TestCommands(t *testing.T) {
	flags := map[string]string{"apply": "configmap", "check": "deployment"}
	for _, k := range commands {
		object, timeout, err := k.parse([]string{"--" + flags[k.name] + "=ns/it", "--timeout=3s"})
		if err != nil || object.Namespace != "ns" || object.Name != "it" || timeout != 3*time.Second {
			t.Errorf("%s: %v %s %v", k.name, object, timeout, err)
		}
		for says, args := range map[string][]string{
			"is no NAMESPACE/NAME":         nil,
			"\"it\" is no NAMESPACE/NAME":  {"--" + flags[k.name] + "=it"},
			"all options begin with --":    {"now"},
			"unknown flag: --watch":        {"--watch"},
			"\"a/b/c\" is no NAMESPACE/NA": {"--" + flags[k.name] + "=a/b/c"},
		} {
			if _, _, err := k.parse(args); err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%s %v: %v, want %q", k.name, args, err, says)
			}
		}
	}
}

// The chart's Job ends at once for what trying again cannot help.
func TestStatusOfChart(t *testing.T) {
	template, err := os.ReadFile("../../charts/wamp-operator/templates/cluster.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(template), "values: ["+strconv.Itoa(refusedStatus)+"]") {
		t.Errorf("the chart's Job does not know the status %d", refusedStatus)
	}
}

// The chart's test may read the lease that the operator takes.
func TestLeaseOfChart(t *testing.T) {
	template, err := os.ReadFile("../../charts/wamp-operator/templates/tests/check.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(template), "resourceNames: ["+controllers.LeaseName+"]") {
		t.Errorf("the role of helm test does not name the lease %s", controllers.LeaseName)
	}
}
