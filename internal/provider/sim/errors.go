package sim

import (
	"fmt"
	"net/http"
)

// The error codes that the cloud gives of itself (page "errors-overview"), those of a fleet's Errors included. Refusal may
// add any other.
const (
	CodeThrottled         = "RequestLimitExceeded"
	CodeMismatch          = "IdempotentParameterMismatch"
	CodeInvalidParameter  = "InvalidParameterValue"
	CodeMissingParameter  = "MissingParameter"
	CodeInvalidFleet      = "InvalidFleetConfig"        // the whole request
	CodeInvalidOverride   = "InvalidFleetConfiguration" // one override, in Errors
	CodeNoCapacity        = "InsufficientInstanceCapacity"
	CodeUnfulfillable     = "UnfulfillableCapacity"
	CodeVCPULimit         = "VcpuLimitExceeded"
	CodeSpotLimit         = "MaxSpotInstanceCountExceeded"
	CodeNotFound          = "InvalidInstanceID.NotFound"
	CodeMalformed         = "InvalidInstanceID.Malformed"
	CodeWrongState        = "IncorrectInstanceState"
	CodeUnsupported       = "UnsupportedOperation"
	CodeTagLimit          = "TagLimitExceeded"
	CodeDryRun            = "DryRunOperation"
	CodeInternal          = "InternalError"
	CodeUnavailable       = "Unavailable"
	CodeUnknownRegion     = "UnknownRegion" // ours: in the world a region that does not exist has no address
	reasonUserShutdown    = "Client.UserInitiatedShutdown"
	reasonGuestShutdown   = "Client.InstanceInitiatedShutdown"
	reasonSpotTermination = "Server.SpotInstanceTermination"
	reasonLaunchFailed    = "Server.InternalError"
)

// APIError is a refusal of the cloud.
type APIError struct {
	Action  string
	Code    string
	Message string
}

// Error names the action, the code and what is wrong.
func (e *APIError) Error() string { return fmt.Sprintf("%s: %s: %s", e.Action, e.Code, e.Message) }

// Status is the HTTP status that the code travels with.
func (e *APIError) Status() int {
	switch e.Code {
	case CodeThrottled, CodeUnavailable, "ServiceUnavailable":
		return http.StatusServiceUnavailable
	case CodeInternal, "InternalFailure":
		return http.StatusInternalServerError
	case CodeDryRun:
		return http.StatusPreconditionFailed
	default:
		return http.StatusBadRequest
	}
}

func refuse(action, code, format string, args ...any) error {
	return &APIError{Action: action, Code: code, Message: fmt.Sprintf(format, args...)}
}

// reasonText is what EC2 says beside a state reason's code (page "API_StateReason").
func reasonText(code string) string {
	switch code {
	case reasonUserShutdown:
		return "User initiated shutdown"
	case reasonGuestShutdown:
		return "Instance initiated shutdown"
	case reasonSpotTermination:
		return "Spot instance termination"
	case reasonLaunchFailed:
		return "An internal error caused the instance to terminate during launch"
	default:
		return code
	}
}
