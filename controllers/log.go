package controllers

import (
	"strings"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
)

// logOf makes the loggers of a controller: that of a pass names the object, and what the controller says of
// itself (one line for each kind that it watches) is for debugging.
func logOf(logger logr.Logger, kind string) func(*ctrl.Request) logr.Logger {
	logger = logger.WithValues("controller", strings.ToLower(kind))
	return func(request *ctrl.Request) logr.Logger {
		if request == nil {
			return logger.V(1)
		}
		return logger.WithValues(kind, klog.KRef(request.Namespace, request.Name))
	}
}
