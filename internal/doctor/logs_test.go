package doctor_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/blob/s3"
	"github.com/runs-fleet/runs-fleet/internal/doctor"
	"github.com/runs-fleet/runs-fleet/internal/settings"
)

func TestWhereLogsAreKept(t *testing.T) {
	denied := &s3.Error{Doing: "listing objects", Status: 403, Code: "AccessDenied", Err: errors.New("no"), Remedy: "give it s3:ListBucket"}
	for name, tt := range map[string]struct {
		blob, store string
		err         error
		want        doctor.Level
		remedy      string
	}{
		"files of the one server":        {"file://blobs", "sqlite://store.db", nil, doctor.OK, ""},
		"files of one server of several": {"file://blobs", "dynamodb://fleet", nil, doctor.Warning, "set blob to s3://"},
		"a bucket":                       {"s3://logs", "dynamodb://fleet", nil, doctor.OK, ""},
		"a bucket that is closed":        {"s3://logs", "dynamodb://fleet", denied, doctor.Warning, "give it s3:ListBucket"},
		"a bucket that is not there":     {"s3://logs", "dynamodb://fleet", errors.New("gone"), doctor.Warning, "deploy dev"},
		"nothing":                        {"ftp://logs", "sqlite://store.db", nil, doctor.Skipped, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := settings.Settings{Data: "/d", Blob: tt.blob, Store: tt.store}
			found := doctor.Logs(t.Context(), s, func(context.Context) error { return tt.err })
			if diff := cmp.Diff([]doctor.Level{tt.want}, levels(t, found)); diff != "" || !strings.Contains(found[0].Remedy, tt.remedy) {
				t.Errorf("%+v %s", found, diff)
			}
			if tt.remedy != "" && strings.Contains(found[0].Detail, tt.remedy) {
				t.Errorf("the remedy is in the detail too: %s", found[0].Detail)
			}
		})
	}
}
