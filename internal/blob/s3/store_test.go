package s3_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"go.uber.org/goleak"

	"github.com/runs-fleet/runs-fleet/internal/blob"
	"github.com/runs-fleet/runs-fleet/internal/blob/blobtest"
	"github.com/runs-fleet/runs-fleet/internal/blob/s3"
	"github.com/runs-fleet/runs-fleet/internal/emulator/awstest"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

var emulators awstest.Set

func TestMain(m *testing.M) { goleak.VerifyTestMain(emulators.Around(m)) }

// partBytes is the size of the parts of a large body, which the package keeps to itself.
const partBytes = 8 << 20

// bucket is a store in a bucket of its own.
func bucket(t *testing.T, cfg aws.Config, prefix string) *s3.Store {
	t.Helper()
	s, err := s3.New(cfg, s3.Options{
		Bucket: awstest.Name(t), Prefix: prefix, Clock: seam.System{}, Random: seam.Crypto{},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Ensure(t.Context(), s3.Setup{}); err != nil {
		t.Fatal(err)
	}
	return s
}

// unsigned is a store whose emulator hands out objects to anyone, so that presigned addresses prove nothing.
type unsigned struct{ *s3.Store }

func (u unsigned) Presign(ctx context.Context, key string, life time.Duration) (string, error) {
	if _, err := u.Store.Presign(ctx, key, life); err != nil {
		return "", err
	}
	return "", blob.ErrNotOffered
}

// versitygw keeps objects in files, so the suite there does without an object beside a folder of its name; MiniStack has
// those, but lets anyone read.
func TestConformance(t *testing.T) {
	t.Run("versitygw", func(t *testing.T) {
		cfg := awstest.Config(t, emulators.S3(t))
		blobtest.Run(t, blobtest.Harness{
			Open: func(t *testing.T) blob.Store { return bucket(t, cfg, "") },
			Now:  seam.System{}.Now, Presigns: true, Folders: true, Large: 2*partBytes + 10,
		})
	})
	t.Run("MiniStack", func(t *testing.T) {
		cfg := awstest.Config(t, emulators.MiniStack(t))
		blobtest.Run(t, blobtest.Harness{
			Open: func(t *testing.T) blob.Store { return unsigned{bucket(t, cfg, "")} }, Now: seam.System{}.Now,
		})
	})
}

func TestPrefixesKeepStoresOfOneBucketApart(t *testing.T) {
	cfg, name := awstest.Config(t, emulators.S3(t)), awstest.Name(t)
	var stores []*s3.Store
	for _, prefix := range []string{"one", "one/two/", "/ones"} {
		s, err := s3.New(cfg, s3.Options{Bucket: name, Prefix: prefix, Clock: seam.System{}, Random: seam.Crypto{}})
		if err != nil {
			t.Fatal(err)
		}
		stores = append(stores, s)
		if done, err := s.Ensure(t.Context(), s3.Setup{}); err != nil || done.Created != (len(stores) == 1) {
			t.Fatalf("Ensure = %+v, %v; want the bucket made once", done, err)
		}
	}
	for i, s := range stores[1:] {
		if _, err := s.Put(t.Context(), "logs/a", strings.NewReader(strings.Repeat("x", i+1))); err != nil {
			t.Fatal(err)
		}
	}
	for i, s := range stores[1:] {
		page, err := s.List(t.Context(), "", "", 0)
		if err != nil || len(page.Objects) != 1 || page.Objects[0].Key != "logs/a" || page.Objects[0].Size != int64(i+1) {
			t.Errorf("List = %+v, %v; want its own object", page, err)
		}
	}
	page, err := stores[0].List(t.Context(), "two/", "", 0)
	if err != nil || len(page.Objects) != 1 || page.Objects[0].Key != "two/logs/a" {
		t.Errorf("List of the outer prefix = %+v, %v", page, err)
	}
	if _, err := stores[0].Put(t.Context(), strings.Repeat("d/", 511)+"xy", strings.NewReader("")); !errors.Is(err, blob.ErrKey) {
		t.Errorf("a key that is too long with its prefix: %v, want ErrKey", err)
	}
}

func TestWhatIsMissingIsSaidAtOnce(t *testing.T) {
	complete := s3.Options{Bucket: "b", Clock: seam.System{}, Random: seam.Crypto{}}
	for want, change := range map[string]func(*aws.Config, *s3.Options){
		"name of a bucket": func(_ *aws.Config, o *s3.Options) { o.Bucket = "" },
		"clock":            func(_ *aws.Config, o *s3.Options) { o.Clock = nil },
		"AWS_REGION":       func(c *aws.Config, _ *s3.Options) { c.Region = "" },
		"prefix":           func(_ *aws.Config, o *s3.Options) { o.Prefix = "a//b" },
	} {
		cfg, o := aws.Config{Region: "eu-west-1"}, complete
		change(&cfg, &o)
		if _, err := s3.New(cfg, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error = %v, want one that says %q", err, want)
		}
	}
}
