package github

import (
	"context"
	"net/http"
	"sync"

	gh "github.com/google/go-github/v93/github"
)

// rememberedSize is how many answers are kept with their ETag, in each of two generations: the jobs and runs of a busy
// fleet, at some kilobytes each.
const rememberedSize = 2000

// remembered keeps answers to ask for again conditionally. GitHub counts no 304 against the primary limit, and what a
// sweep looks at has mostly not changed.
type remembered struct {
	mu         sync.Mutex
	young, old map[string]kept
}

// kept is an answer as GitHub last gave it. Its value is never changed.
type kept struct {
	etag  string
	value any
	next  int // the page that follows
}

func newRemembered() *remembered { return &remembered{young: map[string]kept{}} }

func (r *remembered) get(key string) (kept, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if k, ok := r.young[key]; ok {
		return k, true
	}
	k, ok := r.old[key]
	if ok {
		r.put(key, k)
	}
	return k, ok
}

func (r *remembered) keep(key string, k kept) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.put(key, k)
}

// put adds to the young; r.mu is held.
func (r *remembered) put(key string, k kept) {
	if len(r.young) >= rememberedSize {
		r.old, r.young = r.young, map[string]kept{}
	}
	r.young[key] = k
}

// again makes a GET that is conditional where the answer is remembered. The status of a 304 is given as 200, since the
// answer then holds as of now; next is the page that follows.
func again[T any](ctx context.Context, c *Client, k call, key string, do func(context.Context) (*T, *gh.Response, error)) (value *T, got answer, next int, err error) {
	known, ok := c.answers.get(key)
	if ok {
		k.etag = known.etag
	}
	got, err = c.invoke(ctx, k, func(ctx context.Context) (resp *gh.Response, err error) {
		value, resp, err = do(ctx)
		return nextPage(&next, resp), err
	})
	if err != nil {
		return nil, got, 0, err
	}
	switch {
	case got.status == http.StatusNotModified && ok:
		got.status = http.StatusOK
		value, _ = known.value.(*T)
		return value, got, known.next, nil
	case got.status == http.StatusOK && got.header.Get("Etag") != "":
		c.answers.keep(key, kept{etag: got.header.Get("Etag"), value: value, next: next})
	}
	return value, got, next, nil
}
