package api

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
)

// Kind is what an error code of EC2 means for us.
type Kind string

// The kinds.
const (
	// Unknown is no answer, a failure of the service, or a code that nobody knows: the call may have had its effect.
	Unknown Kind = "unknown"
	// Throttled is a refusal for our rate: nothing happened, and the same call is made later.
	Throttled Kind = "throttled"
	// Capacity says that there is none: another pool, market or region may have some.
	Capacity Kind = "capacity"
	// Quota says that the account may have no more: another market has a quota of its own.
	Quota Kind = "quota"
	// Invalid is a request that no repetition makes valid.
	Invalid Kind = "invalid"
	// Unauthorized is a right that is missing, of ours or of the account.
	Unauthorized Kind = "unauthorized"
	// TokenReused is a token that was used with another request.
	TokenReused Kind = "token reused"
	// NotFound is an instance that does not exist, or not yet.
	NotFound Kind = "not found"
	// Refused is a refusal whose code nobody here knows.
	Refused Kind = "refused"
)

// Codes that more than the table speaks of (page "errors-overview").
const (
	CodeDryRun           = "DryRunOperation"
	CodeTemplateExists   = "InvalidLaunchTemplateName.AlreadyExistsException"
	CodeTemplateNotFound = "InvalidLaunchTemplateName.NotFoundException"
	CodeImageNotFound    = "InvalidAMIID.NotFound"
	CodeImageUnavailable = "InvalidAMIID.Unavailable"
	CodeUnfulfillable    = "UnfulfillableCapacity"
)

// Kinds is the table: what each code means. Codes that are missing are judged by kindOf.
func Kinds() map[string]Kind {
	return map[string]Kind{
		"RequestLimitExceeded": Throttled, "Throttling": Throttled, "ThrottlingException": Throttled,
		"EC2ThrottledException": Throttled, "RequestThrottled": Throttled, "TooManyRequestsException": Throttled,
		"ConcurrentTagAccess": Throttled, "RequestResourceCountExceeded": Throttled,

		"InsufficientInstanceCapacity": Capacity, "InsufficientCapacity": Capacity, "InsufficientHostCapacity": Capacity,
		"InsufficientFreeAddressesInSubnet": Capacity, "InsufficientAddressCapacity": Capacity, "InsufficientVolumeCapacity": Capacity,
		"ReservationCapacityExceeded": Capacity, CodeUnfulfillable: Capacity, "SpotMaxPriceTooLow": Capacity,
		"InsufficientReservedInstanceCapacity": Capacity, "InsufficientReservedInstancesCapacity": Capacity,
		"Unsupported": Capacity, // the type in this zone (failure mode D9)
		// An override of a fleet whose type its zone does not have: the others of the launch may be good.
		"InvalidFleetConfiguration": Capacity,

		"InstanceLimitExceeded": Quota, "VcpuLimitExceeded": Quota, "MaxSpotInstanceCountExceeded": Quota,
		"MaxFleetCountExceeded": Quota, "MaxSpotFleetRequestCountExceeded": Quota, "ResourceCountExceeded": Quota,
		"ResourceLimitExceeded": Quota, "VolumeLimitExceeded": Quota, "MaxIOPSLimitExceeded": Quota, "VolumeIOPSLimit": Quota,
		"NetworkInterfaceLimitExceeded": Quota, "SpotInstanceCountLimitExceeded": Quota, "FleetTargetCapacityLimitExceeded": Quota,
		"MaxTemplateLimitExceeded": Quota,

		"UnauthorizedOperation": Unauthorized, "AuthFailure": Unauthorized, "AccessDenied": Unauthorized,
		"AccessDeniedException": Unauthorized, "OptInRequired": Unauthorized, "PendingVerification": Unauthorized,
		"Blocked": Unauthorized, "InvalidClientTokenId": Unauthorized, "SignatureDoesNotMatch": Unauthorized,
		"MissingAuthenticationToken": Unauthorized, "UnrecognizedClientException": Unauthorized, "IncompleteSignature": Unauthorized,
		"AuthFailure.ServiceLinkedRoleCreationNotPermitted": Unauthorized, "NotAuthorizedForSourceException": Unauthorized,

		"IdempotentParameterMismatch": TokenReused,

		// What an hour ago was true: credentials that are renewed, a clock that is set right.
		"RequestExpired": Unknown, "ExpiredToken": Unknown, "ExpiredTokenException": Unknown,
		"InternalError": Unknown, "InternalFailure": Unknown, "Unavailable": Unknown, "ServiceUnavailable": Unknown,
		"RequestTimeout": Unknown, "RequestTimeoutException": Unknown,
		"UnknownError": Unknown, // the SDK's word for an answer without a code: a proxy's, say

		"InvalidInstanceID.NotFound": NotFound, "InvalidInstanceID.Malformed": NotFound, "InvalidInstanceID": NotFound,

		"MissingParameter": Invalid, "UnknownParameter": Invalid, "UnsupportedOperation": Invalid, "TagLimitExceeded": Invalid,
		"ValidationError": Invalid, "MalformedQueryString": Invalid, "MissingAction": Invalid, "MissingInput": Invalid,
		"VPCIdNotSpecified": Invalid, "VPCResourceNotSpecified": Invalid, "OperationNotPermitted": Invalid,
		"EncryptedVolumesNotSupported": Invalid, "UnknownVolumeType": Invalid, "FilterLimitExceeded": Invalid,
		"SecurityGroupsPerInstanceLimitExceeded": Invalid, "SecurityGroupsPerInterfaceLimitExceeded": Invalid,
	}
}

// kindOf judges a code by the table, then by its form: EC2's codes for a request that is wrong begin with Invalid. A code that
// nobody knows is a refusal if it came with a status of the 400s, which says that the request has done nothing (page
// "errors-overview"); otherwise it proves nothing.
func kindOf(code string, status int) Kind {
	if k, known := Kinds()[code]; known {
		return k
	}
	switch {
	case strings.HasPrefix(code, "Invalid"):
		return Invalid
	case status >= http.StatusBadRequest && status < http.StatusInternalServerError:
		return Refused
	default:
		return Unknown
	}
}

// Error is an answer of EC2 that is none of what was asked for. Its kind comes from the code alone: texts quote other things, such
// as the ids of a throttled request (failure mode J5).
type Error struct {
	Action string
	Region string
	Code   string // empty without an answer of the API
	Kind   Kind
	Err    error
}

// Error names the action, the region, and what was answered.
func (e *Error) Error() string { return fmt.Sprintf("%s in %s: %s", e.Action, e.Region, e.Err) }

// Unwrap returns the SDK's error.
func (e *Error) Unwrap() error { return e.Err }

// classify makes an Error of the SDK's.
func classify(action, region string, err error) error {
	if err == nil {
		return nil
	}
	e := &Error{Action: action, Region: region, Kind: Unknown, Err: err}
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		status := 0
		if response, ok := errors.AsType[*awshttp.ResponseError](err); ok {
			status = response.HTTPStatusCode()
		}
		e.Code, e.Kind = api.ErrorCode(), kindOf(api.ErrorCode(), status)
		e.Err = fmt.Errorf("%s: %s", e.Code, api.ErrorMessage()) //nolint:err113 // what the API says, without the SDK's frame
	}
	return e
}

// CodeOf returns the code of an answer of the API, or nothing.
func CodeOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return ""
}

// KindOf says what an error of this package means; an error of anything else is unknown.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Unknown
}
