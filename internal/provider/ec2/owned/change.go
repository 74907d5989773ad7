package owned

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/runs-fleet/runs-fleet/internal/provider/ec2/api"
)

var errNoFilter = errors.New("a listing without the id of a fleet and an environment would show what belongs to others")

// Changer is what ending and starting needs of EC2.
type Changer interface {
	TerminateInstances(ctx context.Context, in *ec2.TerminateInstancesInput) (*ec2.TerminateInstancesOutput, error)
	StartInstances(ctx context.Context, in *ec2.StartInstancesInput) (*ec2.StartInstancesOutput, error)
}

// perChange is how many instances one call concerns. EC2 says to keep batches small where some may fail (page
// "API_TerminateInstances").
const perChange = 100

// Terminate ends instances. One that is gone already is no error. One that cannot be ended, for it is protected, does not keep
// the others: EC2 ends none of a batch then, so the batch is halved until the one is alone.
func Terminate(ctx context.Context, by Changer, ids []ID) error {
	return inBatches(ids, func(some []string) error {
		_, err := by.TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: some})
		return err
	})
}

// Start starts stopped instances, as Terminate ends them. One that runs already is no error.
func Start(ctx context.Context, by Changer, ids []ID) error {
	return inBatches(ids, func(some []string) error {
		_, err := by.StartInstances(ctx, &ec2.StartInstancesInput{InstanceIds: some})
		return err
	})
}

func inBatches(ids []ID, do func([]string) error) error {
	var names []string
	for _, i := range ids {
		if i.id != "" && !slices.Contains(names, i.id) {
			names = append(names, i.id)
		}
	}
	var failed error
	for some := range slices.Chunk(names, perChange) {
		failed = errors.Join(failed, halving(some, do))
	}
	return failed
}

// halving does something to all, or finds out to which it cannot be done. A refusal for the rate and the want of an answer say
// nothing of single instances, so that they are not tried one by one.
func halving(ids []string, do func([]string) error) error {
	err := do(ids)
	if err == nil {
		return nil
	}
	kind := api.KindOf(err)
	if len(ids) == 1 && kind == api.NotFound {
		return nil
	}
	if len(ids) == 1 || kind == api.Throttled || kind == api.Unknown || kind == api.Unauthorized {
		return fmt.Errorf("changing %d instances (%s and others): %w", len(ids), ids[0], err)
	}
	half := len(ids) / 2
	return errors.Join(halving(ids[:half], do), halving(ids[half:], do))
}

// Reader is what reading a console needs of EC2.
type Reader interface {
	GetConsoleOutput(ctx context.Context, in *ec2.GetConsoleOutputInput) (*ec2.GetConsoleOutputOutput, error)
}

// Console returns what an instance printed, as EC2 encodes it: in base64. EC2 keeps 64 KB, and posts it when the state changes
// (page "API_GetConsoleOutput").
func Console(ctx context.Context, from Reader, id ID) (string, error) {
	out, err := from.GetConsoleOutput(ctx, &ec2.GetConsoleOutputInput{InstanceId: aws.String(id.id)})
	if err != nil {
		if api.KindOf(err) == api.NotFound {
			return "", nil
		}
		return "", fmt.Errorf("reading the console: %w", err)
	}
	return aws.ToString(out.Output), nil
}
