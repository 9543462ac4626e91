package envtest

import (
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"
	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// seen is what kstatus and Argo CD take an object for.
type seen struct{ kstatus, argo string }

// Tools that know nothing of this API read new objects as under way, those that are ready as such, and
// those that somebody has to change as failed, of all kinds.
func TestToolsReadTheConditions(t *testing.T) {
	w := newQuietWorld(t)
	inProgress, current, failed := seen{"InProgress", "Progressing"}, seen{"Current", "Healthy"}, seen{"Failed", "Degraded"}
	cluster, realm := w.cluster("demo", 1), w.realm("realm1", "realm1", "demo")
	p := w.procedure("p", "com.example.add", "demo", v1alpha1.InvokeFirst)
	refused := w.cluster("refused", 1)
	refused.Spec.Pod.Labels = map[string]string{"not a label": "x"}
	homeless := w.realm("homeless", "realm2", "nobody")
	realmless := w.procedure("realmless", "com.example.none", "demo", v1alpha1.InvokeFirst)
	realmless.Spec.Realm = "nowhere"
	lonely := w.procedure("lonely", "com.example.lonely", "demo", v1alpha1.InvokeFirst)
	kinds := map[client.Object]string{
		cluster: "WampCluster", refused: "WampCluster", realm: "WampRealm", homeless: "WampRealm",
		p: "WampProcedure", realmless: "WampProcedure", lonely: "WampProcedure",
	}
	for o := range kinds {
		w.create(o)
	}
	for o, kind := range kinds {
		w.Expect(w.seen(o, kind)()).To(Equal(inProgress), "%s %s before an operator has looked at it", kind, o.GetName())
	}
	w.startKubernetes("com.example.add")
	w.startOperator()
	for o, want := range map[client.Object]seen{
		cluster: current, realm: current, p: current, refused: failed, homeless: failed, realmless: failed, lonely: inProgress,
	} {
		w.Eventually(w.seen(o, kinds[o])).Should(Equal(want), "%s %s", kinds[o], o.GetName())
	}
	w.patch(cluster, `{"spec":{"image":"`+brokenImage+`"}}`)
	w.Eventually(w.seen(cluster, "WampCluster")).Should(Equal(failed))
	w.patch(cluster, `{"spec":{"image":null}}`)
	w.Eventually(w.seen(cluster, "WampCluster")).Should(Equal(current))
}

// seen polls what the tools make of an object.
func (w *world) seen(o client.Object, kind string) func() seen {
	code, err := os.ReadFile(filepath.Join("..", "..", "config", "argocd", "health.lua"))
	w.Expect(err).NotTo(HaveOccurred())
	return func() seen {
		u := &unstructured.Unstructured{}
		u.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind))
		w.Expect(admin.Get(w.ctx, client.ObjectKeyFromObject(o), u)).To(Succeed())
		result, err := status.Compute(u)
		w.Expect(err).NotTo(HaveOccurred())

		state := lua.NewState()
		defer state.Close()
		state.SetGlobal("obj", toLua(state, u.Object))
		w.Expect(state.DoString(string(code))).To(Succeed())
		health := state.Get(-1).(*lua.LTable)
		w.Expect(health.RawGetString("message").String()).NotTo(BeEmpty())
		return seen{result.Status.String(), health.RawGetString("status").String()}
	}
}

// toLua gives a value of JSON as Lua has it.
func toLua(state *lua.LState, v any) lua.LValue {
	switch v := v.(type) {
	case map[string]any:
		table := state.NewTable()
		for key, value := range v {
			table.RawSetString(key, toLua(state, value))
		}
		return table
	case []any:
		table := state.NewTable()
		for _, value := range v {
			table.Append(toLua(state, value))
		}
		return table
	case string:
		return lua.LString(v)
	case bool:
		return lua.LBool(v)
	case int64:
		return lua.LNumber(v)
	case float64:
		return lua.LNumber(v)
	}
	return lua.LNil
}
