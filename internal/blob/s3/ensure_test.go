package s3_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/blob/s3"
	"github.com/runs-fleet/runs-fleet/internal/emulator/awstest"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// versitygw has no lifecycle: whoever sets a bucket up is told.
func TestALifecycleThatIsNotOfferedIsSaid(t *testing.T) {
	cfg := awstest.Config(t, emulators.S3(t))
	s, err := s3.New(cfg, s3.Options{Bucket: awstest.Name(t), Clock: seam.System{}, Random: seam.Crypto{}})
	if err != nil {
		t.Fatal(err)
	}
	done, err := s.Ensure(t.Context(), s3.Setup{Expire: []s3.Expiry{{Prefix: "logs/", Days: 7}}})
	if err != nil || !done.Created || len(done.Missing) == 0 || done.Missing[len(done.Missing)-1] != "lifecycle" {
		t.Errorf("Ensure = %+v, %v; want a bucket without a lifecycle", done, err)
	}
}

// lifecycleOf describes the rules of a bucket's lifecycle.
func lifecycleOf(t *testing.T, client *awss3.Client, bucket string) map[string]string {
	t.Helper()
	out, err := client.GetBucketLifecycleConfiguration(t.Context(), &awss3.GetBucketLifecycleConfigurationInput{Bucket: &bucket})
	if err != nil {
		t.Fatal(err)
	}
	rules := map[string]string{}
	for _, r := range out.Rules {
		what := aws.ToString(r.Filter.Prefix)
		if r.Expiration != nil {
			what += " " + (time.Duration(aws.ToInt32(r.Expiration.Days)) * 24 * time.Hour).String()
		}
		if r.AbortIncompleteMultipartUpload != nil {
			what += " uploads"
		}
		rules[aws.ToString(r.ID)] = what
	}
	return rules
}

func TestTheLifecycleHasOurRulesAndKeepsOthers(t *testing.T) {
	cfg, name := awstest.Config(t, emulators.MiniStack(t)), awstest.Name(t)
	client := awss3.NewFromConfig(cfg, func(o *awss3.Options) { o.UsePathStyle = true })
	s, err := s3.New(cfg, s3.Options{Bucket: name, Prefix: "fleet", Clock: seam.System{}, Random: seam.Crypto{}})
	if err != nil {
		t.Fatal(err)
	}
	setup := s3.Setup{Expire: []s3.Expiry{{Prefix: "logs/", Days: s3.Days(7 * 24 * time.Hour)}, {Prefix: "cache/", Days: 30}}}
	if done, err := s.Ensure(t.Context(), setup); err != nil || !done.Created || len(done.Missing) != 0 {
		t.Fatalf("Ensure = %+v, %v", done, err)
	}
	want := map[string]string{
		"runs-fleet fleet/: abandoned uploads": "fleet/ uploads", "runs-fleet fleet/: expiry of logs/": "fleet/logs/ 168h0m0s",
		"runs-fleet fleet/: expiry of cache/": "fleet/cache/ 720h0m0s",
	}
	if diff := cmp.Diff(want, lifecycleOf(t, client, name)); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
	others := types.LifecycleRule{
		ID: aws.String("ours by hand"), Status: types.ExpirationStatusEnabled, Filter: &types.LifecycleRuleFilter{Prefix: aws.String("else/")},
		Expiration: &types.LifecycleExpiration{Days: aws.Int32(1)},
	}
	_, err = client.PutBucketLifecycleConfiguration(t.Context(), &awss3.PutBucketLifecycleConfigurationInput{
		Bucket: &name, LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: []types.LifecycleRule{others}},
	})
	if err != nil {
		t.Fatal(err)
	}
	setup.Expire = setup.Expire[:1]
	for range 2 {
		if done, err := s.Ensure(t.Context(), setup); err != nil || done.Created {
			t.Fatalf("Ensure again = %+v, %v", done, err)
		}
	}
	delete(want, "runs-fleet fleet/: expiry of cache/")
	want["ours by hand"] = "else/ 24h0m0s"
	if diff := cmp.Diff(want, lifecycleOf(t, client, name)); diff != "" {
		t.Errorf("rules after another set-up (-want +got):\n%s", diff)
	}
}

func TestDaysAreWhole(t *testing.T) {
	for d, want := range map[time.Duration]int{0: 1, time.Hour: 1, 24 * time.Hour: 1, 25 * time.Hour: 2, 168 * time.Hour: 7} {
		if got := s3.Days(d); got != want {
			t.Errorf("Days(%s) = %d, want %d", d, got, want)
		}
	}
}
