package sqs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// places are the addresses of the queues, as far as they have been asked for.
type places struct {
	url  string
	arn  string
	dead deadPlace
}

// deadPlace is where the dead letters go.
type deadPlace struct {
	url, arn    string
	maxReceives int
}

// url returns the address of the queue.
func (q *Queue) url(ctx context.Context) (*string, error) {
	q.mu.Lock()
	known := q.found.url
	q.mu.Unlock()
	if known != "" {
		return &known, nil
	}
	url, err := q.urlOf(ctx, &sqs.GetQueueUrlInput{QueueName: &q.name})
	if err != nil {
		return nil, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.found.url = url
	return &url, nil
}

func (q *Queue) urlOf(ctx context.Context, in *sqs.GetQueueUrlInput) (string, error) {
	var url string
	err := q.ask(ctx, func(ctx context.Context) error {
		out, err := q.short.GetQueueUrl(ctx, in)
		if err == nil {
			url = aws.ToString(out.QueueUrl)
		}
		return err //nolint:wrapcheck // the caller says what it was doing
	})
	return url, err
}

func (q *Queue) attributes(ctx context.Context, url string, names ...types.QueueAttributeName) (map[string]string, error) {
	var attributes map[string]string
	err := q.ask(ctx, func(ctx context.Context) error {
		out, err := q.short.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: names})
		if err == nil {
			attributes = out.Attributes
		}
		return err //nolint:wrapcheck // the caller says what it was doing
	})
	return attributes, err
}

// errNoDead says that what is received too often is delivered on and on.
var errNoDead = errors.New("the queue has no redrive policy, so it has no dead letters: give it one (runs-fleet deploy dev does so for development)")

// dead returns where the queue's dead letters go, which its redrive policy says.
func (q *Queue) dead(ctx context.Context) (deadPlace, error) {
	q.mu.Lock()
	known := q.found.dead
	q.mu.Unlock()
	if known.url != "" {
		return known, nil
	}
	url, err := q.url(ctx)
	if err != nil {
		return deadPlace{}, err
	}
	attributes, err := q.attributes(ctx, *url, types.QueueAttributeNameRedrivePolicy, types.QueueAttributeNameQueueArn)
	if err != nil {
		return deadPlace{}, err
	}
	place, err := parseRedrive(attributes[string(types.QueueAttributeNameRedrivePolicy)])
	if err != nil {
		return deadPlace{}, err
	}
	account, name, err := splitARN(place.arn)
	if err != nil {
		return deadPlace{}, err
	}
	if place.url, err = q.urlOf(ctx, &sqs.GetQueueUrlInput{QueueName: &name, QueueOwnerAWSAccountId: &account}); err != nil {
		return deadPlace{}, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.found.dead, q.found.arn = place, attributes[string(types.QueueAttributeNameQueueArn)]
	return place, nil
}

// redrivePolicy is the queue's attribute of that name.
type redrivePolicy struct {
	Target      string      `json:"deadLetterTargetArn"` //nolint:tagliatelle // SQS's names
	MaxReceives json.Number `json:"maxReceiveCount"`     //nolint:tagliatelle // a number or a string
}

func parseRedrive(text string) (deadPlace, error) {
	if text == "" {
		return deadPlace{}, errNoDead
	}
	var p redrivePolicy
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return deadPlace{}, fmt.Errorf("reading the queue's redrive policy %q: %w", text, err)
	}
	n, err := strconv.Atoi(p.MaxReceives.String())
	if err != nil {
		return deadPlace{}, fmt.Errorf("reading the queue's redrive policy %q: %w", text, err)
	}
	return deadPlace{arn: p.Target, maxReceives: n}, nil
}

// splitARN takes apart the name of a queue, arn:aws:sqs:REGION:ACCOUNT:NAME.
func splitARN(arn string) (account, name string, err error) {
	parts := strings.Split(arn, ":")
	const length = 6
	if len(parts) != length {
		return "", "", fmt.Errorf("%q is no ARN of a queue", arn)
	}
	return parts[4], parts[5], nil
}
