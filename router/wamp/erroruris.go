package wamp

// Error URIs that a router sends or understands in ERROR and ABORT (WAMP basic and advanced
// profile, "Predefined URIs"). This is the only list of them.
const (
	// Interaction.
	ErrInvalidURI                 = "wamp.error.invalid_uri"
	ErrNoSuchProcedure            = "wamp.error.no_such_procedure"
	ErrProcedureAlreadyExists     = "wamp.error.procedure_already_exists"
	ErrInvocationPolicyMismatch   = "wamp.error.procedure_exists_with_different_invocation_policy"
	ErrNoSuchRegistration         = "wamp.error.no_such_registration"
	ErrNoSuchSubscription         = "wamp.error.no_such_subscription"
	ErrInvalidArgument            = "wamp.error.invalid_argument"
	ErrNoSuchSession              = "wamp.error.no_such_session"
	ErrOptionNotAllowed           = "wamp.error.option_not_allowed"
	ErrOptionDisallowedDiscloseMe = "wamp.error.option_disallowed.disclose_me"
	ErrFeatureNotSupported        = "wamp.error.feature_not_supported"
	ErrPayloadSizeExceeded        = "wamp.error.payload_size_exceeded"
	ErrCanceled                   = "wamp.error.canceled"
	ErrTimeout                    = "wamp.error.timeout"
	ErrUnavailable                = "wamp.error.unavailable"
	ErrNoAvailableCallee          = "wamp.error.no_available_callee"
	ErrNetworkFailure             = "wamp.error.network_failure"
	ErrNoEligibleCallee           = "wamp.error.no_eligible_callee"
	ErrProtocolViolation          = "wamp.error.protocol_violation"
	ErrNotAuthorized              = "wamp.error.not_authorized"
	ErrAuthorizationFailed        = "wamp.error.authorization_failed"
	ErrAuthenticationFailed       = "wamp.error.authentication_failed"
	ErrAuthenticationDenied       = "wamp.error.authentication_denied"
	ErrAuthenticationRequired     = "wamp.error.authentication_required"
	ErrNoMatchingAuthMethod       = "wamp.error.no_matching_auth_method"
	ErrNoSuchPrincipal            = "wamp.error.no_such_principal"
	ErrNoSuchRealm                = "wamp.error.no_such_realm"
	ErrNoSuchRole                 = "wamp.error.no_such_role"

	// Reasons in GOODBYE.
	CloseNormal         = "wamp.close.normal"
	CloseRealm          = "wamp.close.close_realm"
	CloseSystemShutdown = "wamp.close.system_shutdown"
	CloseGoodbyeAndOut  = "wamp.close.goodbye_and_out"
	CloseKilled         = "wamp.close.killed"
)
