package ec2

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"regexp"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/runs-fleet/runs-fleet/internal/provider/ec2/owned"
)

const templatePrefix = "runs-fleet-"

// templateName is the form of a name (page "API_CreateLaunchTemplate").
var templateName = regexp.MustCompile(`^[a-zA-Z0-9().\-/_]{3,128}$`)

// template is a launch template: what an override of a fleet cannot say. Everything else is in the overrides, so that there are
// few templates: one for each user data, set of security groups and shutdown behaviour. It has no network interface, since an
// override could then name no subnet (page "API_RunInstances"); so whether a machine has a public address is the subnet's
// business, and its security groups are the instance's.
type template struct {
	name string
	data *types.RequestLaunchTemplateData
}

// templateFor makes the template of a site. Its name is the hash of its content.
func templateFor(s Site, fleetID, shutdown string) template {
	data := &types.RequestLaunchTemplateData{
		UserData:                          aws.String(base64.StdEncoding.EncodeToString(s.UserData)),
		SecurityGroupIds:                  s.SecurityGroups,
		InstanceInitiatedShutdownBehavior: types.ShutdownBehavior(shutdown),
		MetadataOptions: &types.LaunchTemplateInstanceMetadataOptionsRequest{
			HttpEndpoint: types.LaunchTemplateInstanceMetadataEndpointStateEnabled,
			HttpTokens:   types.LaunchTemplateHttpTokensStateRequired,
			// One hop: the answer to a container behind a bridge does not arrive.
			HttpPutResponseHopLimit: aws.Int32(1),
		},
	}
	if len(s.UserData) == 0 {
		data.UserData = nil
	}
	content, err := json.Marshal(data)
	if err != nil { // plain data
		panic("ec2: " + err.Error())
	}
	sum := sha256.Sum256(content)
	const bytes = 8
	return template{name: templatePrefix + fleetID + "-" + hex.EncodeToString(sum[:bytes]), data: data}
}

func (t template) input(fleetID string) *ec2.CreateLaunchTemplateInput {
	return &ec2.CreateLaunchTemplateInput{
		LaunchTemplateName: aws.String(t.name), LaunchTemplateData: t.data, ClientToken: aws.String(t.name),
		TagSpecifications: []types.TagSpecification{{
			ResourceType: types.ResourceTypeLaunchTemplate, Tags: tagList(map[string]string{owned.TagFleet: fleetID}),
		}},
	}
}
