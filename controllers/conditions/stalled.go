package conditions

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ReasonNotStalled is the reason of the condition Stalled when it does not hold.
const ReasonNotStalled = "NotStalled"

// Stalled gives the condition of that name: it holds with the first of the states that is there, which
// are what does not go on until somebody changes something.
func Stalled(states ...*State) State {
	for _, s := range states {
		if s != nil {
			return True(s.Reason, s.Message)
		}
	}
	return False(ReasonNotStalled, "Nothing waits for somebody to change something.")
}

// IfFalse gives a state that does not hold, and nil otherwise.
func IfFalse(s State) *State {
	if s.Status == metav1.ConditionFalse {
		return &s
	}
	return nil
}
