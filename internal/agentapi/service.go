package agentapi

import "context"

// Service is the control plane's side. Both calls return an error that wraps ErrRefused for who may not ask, ErrInvalid
// for what cannot be understood, and any other for what may be tried again.
type Service interface {
	Hello(ctx context.Context, h Hello) (Welcome, error)
	// Poll holds the call up to PollWait, unless there is an order or the report itself is news.
	Poll(ctx context.Context, key string, r Report) (Orders, error)
}
