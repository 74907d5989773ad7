package doctor

import (
	"context"
	"errors"

	"github.com/runs-fleet/runs-fleet/internal/blob/s3"
	"github.com/runs-fleet/runs-fleet/internal/settings"
)

// Logs looks at where the logs of ended machines are kept. list asks the bucket for what is in it, if it is one. Nothing there
// keeps a fleet from working, so nothing is a problem.
func Logs(ctx context.Context, s settings.Settings, list func(context.Context) error) []Finding {
	where, err := s.BlobBackend()
	if err != nil {
		return One(Skipped, "the setting blob names no place", "")
	}
	if !where.Shared() {
		if store, err := s.StoreBackend(); err == nil && store.Shared() {
			return One(Warning, "they are kept on this machine ("+s.Blob+"), where other servers do not find them", "set blob to s3://BUCKET/PREFIX")
		}
		return One(OK, "kept in "+s.Path(s.Blob), "")
	}
	if err := list(ctx); err != nil {
		remedy := "correct the setting blob, or make the bucket: runs-fleet deploy dev makes one for development"
		if told, ok := errors.AsType[*s3.Error](err); ok && told.Remedy != "" {
			remedy = told.Remedy
			plain := *told
			plain.Remedy = ""
			err = &plain
		}
		return One(Warning, "they are lost with their machines: "+err.Error(), remedy)
	}
	return One(OK, "kept in "+s.Blob, "")
}
