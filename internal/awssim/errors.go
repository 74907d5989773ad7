package awssim

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/runs-fleet/runs-fleet/internal/awssim/query"
	"github.com/runs-fleet/runs-fleet/internal/provider/sim"
)

// Error codes beside those of provider/sim (page "errors-overview").
const (
	codeAction            = "InvalidAction"
	codeNoCredentials     = "MissingAuthenticationToken"
	codeBadQuery          = "MalformedQueryString"
	codeNoVersion         = "NoSuchVersion"
	codeCombination       = "InvalidParameterCombination"
	codeUnknownParameter  = "UnknownParameter"
	codeNextToken         = "InvalidNextToken"
	codeUserData          = "InvalidUserData.Malformed"
	codeTemplateName      = "InvalidLaunchTemplateName.MalformedException"
	codeTemplateExists    = "InvalidLaunchTemplateName.AlreadyExistsException"
	codeTemplateNoName    = "InvalidLaunchTemplateName.NotFoundException"
	codeTemplateBadID     = "InvalidLaunchTemplateId.Malformed"
	codeTemplateNoID      = "InvalidLaunchTemplateId.NotFound"
	codeTemplateNoVersion = "InvalidLaunchTemplateId.VersionNotFound"
	codeImageBadID        = "InvalidAMIID.Malformed"
	codeImageNoID         = "InvalidAMIID.NotFound"
	codeSubnetBadID       = "InvalidSubnetID.Malformed"
	codeSubnetNoID        = "InvalidSubnetID.NotFound"
	codeGroupBadID        = "InvalidGroupId.Malformed"
	codeGroupNoID         = "InvalidGroup.NotFound"
	codeInstanceType      = "InvalidInstanceType"
	codeInvalidID         = "InvalidID"

	// codeNotSimulated is ours: EC2 knows what was asked for and the simulator does not.
	codeNotSimulated = "NotSimulated"
)

func refuse(action, code, format string, args ...any) error {
	return &sim.APIError{Action: action, Code: code, Message: fmt.Sprintf(format, args...)}
}

// refusal finds what an error says to the caller. ok is false if there is nothing to say, because the answer was lost.
func refusal(err error) (status int, code, message string, ok bool) {
	var api *sim.APIError
	var form *query.Error
	switch {
	case errors.As(err, &api):
		return api.Status(), api.Code, api.Message, true
	case errors.As(err, &form):
		return http.StatusBadRequest, form.Code, form.Message, true
	default:
		return 0, "", "", false
	}
}
