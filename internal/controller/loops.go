package controller

import (
	"context"
	"time"
)

// bugPause is how long a loop rests that a bug has ended, so that a bug that is met at once is not met without end.
const bugPause = time.Second

// loop runs f, which goes on until the context ends. A bug that ends f earlier ends one turn of it: a periodic work that
// its first bug took away would be a net that is missed only when it is needed (failure modes A4, B12).
func (c *Controller) loop(ctx context.Context, name string, f func(context.Context)) {
	turn := func() {
		defer c.recovered(name)
		f(c.begin(ctx, name))
	}
	for {
		turn()
		if ctx.Err() != nil || c.Clock.Sleep(ctx, bugPause) != nil {
			return
		}
	}
}
