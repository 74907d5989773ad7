package awsclient

import "strings"

// List prices in US dollars per million, for US East (N. Virginia), without any free tier: the public price pages of
// DynamoDB (on-demand, standard table class), SQS (standard queues, the first 100 billion) and S3 (standard class).
const (
	dollarsWriteUnits = 0.625
	dollarsReadUnits  = 0.125
	dollarsSQS        = 0.40
	dollarsS3Writes   = 5.00 // PUT, COPY, POST, LIST
	dollarsS3Reads    = 0.40 // GET and all other requests; DELETE is free
	million           = 1e6
)

// Dollars is what the counted calls cost at list prices, without storage, transfer, and what runs elsewhere. A request of
// SQS is counted once, as up to 64 KB of a payload are billed.
func (c Counts) Dollars() float64 {
	var sum float64
	for o, n := range c {
		switch o.Service {
		case "DynamoDB":
			sum += n.WriteUnits*dollarsWriteUnits + n.ReadUnits*dollarsReadUnits
		case "SQS":
			sum += float64(n.Calls) * dollarsSQS
		case "S3":
			sum += float64(n.Calls) * dollarsS3(o.Name)
		}
	}
	return sum / million
}

func dollarsS3(operation string) float64 {
	switch {
	case strings.HasPrefix(operation, "Delete"), operation == "AbortMultipartUpload":
		return 0
	case strings.HasPrefix(operation, "Get"), strings.HasPrefix(operation, "Head"):
		return dollarsS3Reads
	default:
		return dollarsS3Writes
	}
}
