package s3_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/runs-fleet/runs-fleet/internal/blob"
	"github.com/runs-fleet/runs-fleet/internal/blob/s3"
	"github.com/runs-fleet/runs-fleet/internal/emulator/awsfault"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

func twice(f awsfault.Fault) []awsfault.Fault { return slices.Repeat([]awsfault.Fault{f}, 2) }

// Failures of S3 and of the way to it are made good by repeating, whatever the condition of the write.
func TestFailuresThatPassAreRepeated(t *testing.T) {
	large := strings.Repeat("0123456789", partBytes/5)
	passing := map[string]awsfault.Fault{
		"answer lost": awsfault.LostAnswer, "request lost": awsfault.LostRequest, "500": awsfault.Refuses(500, "InternalError"), "503": awsfault.Refuses(503, "SlowDown"),
		"429": awsfault.Refuses(429, "TooManyRequests"), "502 of a proxy": awsfault.Refuses(502, ""), "400 of a slow body": awsfault.Refuses(400, "RequestTimeout"),
		"answer cut": unreadable,
	}
	for name, f := range passing {
		t.Run(name, func(t *testing.T) {
			s := withFaults(t)
			for step, body := range map[string]string{"put": "small", "begin": large, "part": large, "complete": large} {
				s.On(step, twice(f)...)
				first, err := s.PutIf(t.Context(), step, strings.NewReader(body), blob.Absent())
				if err != nil {
					t.Errorf("creating, with faults in %s: %v", step, err)
					continue
				}
				s.wantObject(t, step, body)
				s.On(step, f)
				info, err := s.PutIf(t.Context(), step, strings.NewReader(body+"2"), blob.Unchanged(first.Tag))
				if err != nil || info.Size != int64(len(body)+1) || info.Tag == first.Tag {
					t.Errorf("replacing, with a fault in %s: %+v, %v", step, info, err)
				}
				s.On("get", twice(f)...)
				s.wantObject(t, step, body+"2")
			}
			s.On("list", f)
			if page, err := s.List(t.Context(), "", "", 0); err != nil || len(page.Objects) != 4 {
				t.Errorf("List = %d objects, %v", len(page.Objects), err)
			}
			s.On("delete", f)
			if err := s.Delete(t.Context(), "put"); err != nil {
				t.Errorf("Delete: %v", err)
			}
			if _, _, err := s.Get(t.Context(), "put"); !errors.Is(err, blob.ErrNotFound) {
				t.Errorf("Get of what was deleted: %v", err)
			}
		})
	}
}

func TestRepetitionsWaitLongerEachTimeAndEnd(t *testing.T) {
	s := withFaults(t)
	slow, before := awsfault.Refuses(503, "SlowDown"), s.Count("put")
	s.On("put", slices.Repeat([]awsfault.Fault{slow}, 7)...)
	_, err := s.Put(t.Context(), "a", strings.NewReader("x"))
	var failure *s3.Error
	if !errors.As(err, &failure) || failure.Code != "SlowDown" || failure.Status != 503 || s.Count("put") != before+5 {
		t.Errorf("Put = %v after %d requests, want the code SlowDown after 5", err, s.Count("put")-before)
	}
	most := 100 * time.Millisecond
	for i, d := range s.clock.slept {
		if d < 0 || d >= most {
			t.Errorf("wait %d is %s, want a part of %s", i, d, most)
		}
		most *= 2
	}
	if len(s.clock.slept) != 4 {
		t.Errorf("waited %d times, want 4", len(s.clock.slept))
	}
}

func TestWhatRepeatingDoesNotChangeIsNotRepeated(t *testing.T) {
	for code, remedy := range map[string]string{
		"AccessDenied": "s3:PutObject", "NoSuchBucket": "make the bucket", "PermanentRedirect": "AWS_REGION", "InvalidAccessKeyId": "access key",
		"ExpiredToken": "renew", "RequestTimeTooSkewed": "clock", "EntityTooLarge": "",
	} {
		s := withFaults(t)
		s.On("put", awsfault.Refuses(403, code))
		_, err := s.Put(t.Context(), "a", strings.NewReader("x"))
		var failure *s3.Error
		if !errors.As(err, &failure) || failure.Code != code || !strings.Contains(err.Error(), remedy) || len(s.clock.slept) != 0 {
			t.Errorf("%s: %v after %d waits; want an error at once that says %q", code, err, len(s.clock.slept), remedy)
		}
	}
}

// Another writer's object is not taken for the result of an attempt whose answer got lost.
func TestALostAnswerIsNotAnothersWrite(t *testing.T) {
	s := withFaults(t)
	s.On("put", awsfault.LostRequest)
	s.clock.pause = func() {
		s.clock.pause = nil
		if _, err := s.Put(t.Context(), "a", strings.NewReader("another's")); err != nil {
			t.Error(err)
		}
	}
	if _, err := s.PutIf(t.Context(), "a", strings.NewReader("ours"), blob.Absent()); !errors.Is(err, blob.ErrChanged) {
		t.Errorf("PutIf = %v, want ErrChanged", err)
	}
	s.wantObject(t, "a", "another's")
}

func TestAFailedUploadIsAborted(t *testing.T) {
	large := strings.Repeat("0123456789", partBytes/5)
	denied := awsfault.Refuses(403, "AccessDenied")
	for step, put := range map[string]func(s faulty) error{
		"part": func(s faulty) error {
			s.On("part", denied)
			_, err := s.Put(t.Context(), "a", strings.NewReader(large))
			return err
		},
		"complete": func(s faulty) error {
			s.On("complete", denied)
			_, err := s.Put(t.Context(), "a", strings.NewReader(large))
			return err
		},
		"body": func(s faulty) error {
			_, err := s.Put(t.Context(), "a", io.MultiReader(strings.NewReader(large), broken{}))
			return err
		},
		"context": func(s faulty) error {
			ctx, cancel := context.WithCancel(t.Context())
			body := io.MultiReader(strings.NewReader(large), cancelling{cancel})
			_, err := s.Put(ctx, "a", body)
			return err
		},
	} {
		t.Run(step, func(t *testing.T) {
			s := withFaults(t)
			s.On("abort", awsfault.Refuses(503, "SlowDown"))
			if err := put(s); err == nil {
				t.Error("Put succeeded")
			}
			if s.Count("abort") != 2 {
				t.Errorf("asked %d times to abort, want one that failed and one that did not", s.Count("abort"))
			}
			if _, _, err := s.Get(t.Context(), "a"); !errors.Is(err, blob.ErrNotFound) {
				t.Errorf("Get = %v, want ErrNotFound", err)
			}
		})
	}
}

// cancelling is a body whose reader is given up.
type cancelling struct{ cancel context.CancelFunc }

func (c cancelling) Read(p []byte) (int, error) {
	c.cancel()
	return copy(p, "more"), nil
}

func TestMissingCredentialsAreSaid(t *testing.T) {
	cfg := aws.Config{Region: "eu-west-1", Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{}, errors.New("none found")
	})}
	s, err := s3.New(cfg, s3.Options{Bucket: "bucket", Clock: &hurried{}, Random: seam.Crypto{}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Put(t.Context(), "a", strings.NewReader("x")); err == nil || !strings.Contains(err.Error(), "AWS_PROFILE") {
		t.Errorf("Put = %v, want an error that says where credentials come from", err)
	}
}
