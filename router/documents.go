package router

import (
	"strings"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/router/admin"
	"github.com/wamp-operator/wamp-operator/router/auth"
	"github.com/wamp-operator/wamp-operator/router/broker"
	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/config"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// apply serves new documents, or keeps the last good ones and says why.
func (r *Router) apply(docs *config.Documents, err error) {
	r.applying.Lock()
	defer r.applying.Unlock()
	r.applyNow(docs, err)
}

func (r *Router) applyNow(docs *config.Documents, err error) {
	now := *r.served.Load()
	if err == nil {
		var declared map[cluster.ProcedureKey]cluster.Declaration
		if declared, err = declarations(docs.Procedures); err == nil {
			now = v1alpha1.RouterDocumentsState{Hash: docs.Hash, Warnings: r.use(docs, declared)}
			r.applied = docs
		}
	}
	switch {
	case err == nil:
	case config.Waiting(err):
		now.Error = err.Error()
		r.log.Info("the last documents stay in use until the new ones are complete", "missing", err, "hash", now.Hash)
	case !r.loaded.Load():
		now.Error = err.Error()
		r.log.Error("documents cannot be served: nobody can join until they are mended, and then at once", "error", err)
	default:
		now.Error = err.Error()
		r.log.Error("documents cannot be served, the last good ones stay in use", "error", err, "hash", now.Hash)
	}
	r.served.Store(&now)
	r.admin.Changed(admin.ProcedureKey{})
}

// maxWarnings bounds what the state says of documents that are served.
const maxWarnings = 20

// use serves documents, and says what in them is of no use, a line each.
func (r *Router) use(docs *config.Documents, declared map[cluster.ProcedureKey]cluster.Declaration) string {
	var warnings []string
	access := make(map[string]*auth.Realm, len(docs.Realms))
	history := make(map[string][]broker.HistoryRule, len(docs.Realms))
	options := auth.Options{Secret: docs.Secret, Key: r.decoyKey()}
	for _, realm := range docs.Realms {
		options.Warn = func(message string) { r.log.Warn(message, "realm", realm.Spec.Realm) }
		rules := auth.CompileWith(realm, options)
		for _, problem := range rules.Problems() {
			r.log.Error("a principal cannot log in, all others can", "realm", problem.Realm, "authid", problem.AuthID,
				"method", problem.Method, "error", problem.Message)
			if len(warnings) < maxWarnings {
				warnings = append(warnings, problem.String())
			}
		}
		access[realm.Spec.Realm] = rules
		history[realm.Spec.Realm] = remembered(realm.Spec.EventHistory)
	}
	for _, procedure := range docs.Procedures {
		if access[procedure.Spec.Realm] == nil {
			r.log.Warn("a procedure is declared in a realm that no WampRealm declares: nobody can register it",
				"procedure", procedure.Spec.URI, "realm", procedure.Spec.Realm)
		}
	}
	for _, unknown := range docs.Unknown {
		r.log.Warn("documents ask for something that this router cannot do, all else in them is served", "unknown", unknown)
		if len(warnings) < maxWarnings {
			warnings = append(warnings, unknown)
		}
	}
	for _, document := range docs.Ignored {
		r.log.Info("not used from the documents", "document", document)
	}
	r.quorum.Store(int64(docs.Quorum()))
	r.node.SetQuorum(docs.Quorum())
	r.node.SetDeclared(declared)
	r.realms.serve(access, history, concurrencies(docs.Procedures))
	r.loaded.Store(true)
	r.log.Info("serving documents", "realms", len(docs.Realms), "procedures", len(docs.Procedures), "hash", docs.Hash)
	return strings.Join(warnings, "\n")
}

func remembered(history []v1alpha1.EventHistory) []broker.HistoryRule {
	var rules []broker.HistoryRule
	for _, h := range history {
		rule := broker.HistoryRule{URI: h.URI, Limit: int(*h.Limit)}
		rule.Match, _ = wamp.ParseMatch(string(h.Match))
		rules = append(rules, rule)
	}
	return rules
}

// concurrencies are what is declared of each realm, by registration id.
func concurrencies(procedures []*v1alpha1.WampProcedure) map[string]map[wamp.ID]int {
	all := map[string]map[wamp.ID]int{}
	for _, p := range procedures {
		if p.Spec.Concurrency == nil {
			continue
		}
		in := all[p.Spec.Realm]
		if in == nil {
			in = map[wamp.ID]int{}
			all[p.Spec.Realm] = in
		}
		match, _ := cluster.ParseMatch(string(p.Spec.Match))
		in[cluster.RegistrationID(p.Spec.Realm, match, p.Spec.URI)] = int(*p.Spec.Concurrency)
	}
	return all
}

func declarations(procedures []*v1alpha1.WampProcedure) (map[cluster.ProcedureKey]cluster.Declaration, error) {
	declared := make(map[cluster.ProcedureKey]cluster.Declaration, len(procedures))
	for _, p := range procedures {
		invoke, err := cluster.ParsePolicy(string(p.Spec.Invoke))
		if err != nil {
			return nil, err
		}
		match, err := cluster.ParseMatch(string(p.Spec.Match))
		if err != nil {
			return nil, err
		}
		key := cluster.ProcedureKey{Realm: p.Spec.Realm, Match: match, URI: p.Spec.URI}
		d := cluster.Declaration{
			Invoke: invoke, Override: p.Spec.Enforcement == v1alpha1.EnforceOverride,
			LocalRotation: p.Spec.Rotation == v1alpha1.RotationReplica, Idempotent: p.Spec.Idempotent,
		}
		if p.Spec.Hold != nil {
			d.Hold = p.Spec.Hold.Duration
		}
		if p.Spec.Timeout != nil {
			d.Timeout = p.Spec.Timeout.Duration
		}
		declared[key] = d
	}
	return declared, nil
}
