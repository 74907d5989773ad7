package s3_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/runs-fleet/runs-fleet/internal/blob"
	"github.com/runs-fleet/runs-fleet/internal/emulator/awsfault"
)

func TestABodyThatBreaksOffIsTakenUpAgain(t *testing.T) {
	content := strings.Repeat("0123456789", 100_000)
	for name, faults := range map[string][]awsfault.Fault{
		"cut":         {awsfault.CutAnswer(300_000), awsfault.CutAnswer(1), awsfault.CutAnswer(0), awsfault.Refuses(503, "SlowDown"), awsfault.CutAnswer(10)},
		"stalled":     {awsfault.StallsAfter(300_000), awsfault.StallsAfter(0)},
		"answer lost": {awsfault.CutAnswer(10), awsfault.LostAnswer},
	} {
		t.Run(name, func(t *testing.T) {
			s := withFaults(t)
			s.clock.stalls = true
			if _, err := s.Put(t.Context(), "a", strings.NewReader(content)); err != nil {
				t.Fatal(err)
			}
			s.On("get", faults...)
			s.wantObject(t, "a", content)
			s.On("get", faults...)
			body, _, err := s.GetRange(t.Context(), "a", 5, 900_000)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(body)
			if err := errors.Join(err, body.Close()); err != nil || string(got) != content[5:900_005] {
				t.Errorf("GetRange = %d bytes, %v", len(got), err)
			}
		})
	}
}

func TestABodyIsNotMadeOfTwoObjects(t *testing.T) {
	s := withFaults(t)
	if _, err := s.Put(t.Context(), "a", strings.NewReader(strings.Repeat("1", 100_000))); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func() error{
		"replaced": func() error {
			_, err := s.Put(t.Context(), "a", strings.NewReader(strings.Repeat("2", 100_000)))
			return err
		},
		"deleted": func() error { return s.Delete(t.Context(), "a") },
	} {
		s.On("get", awsfault.CutAnswer(50_000))
		body, _, err := s.Get(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		if err := change(); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(body)
		if !errors.Is(err, blob.ErrChanged) || len(got) != 50_000 {
			t.Errorf("an object that was %s: read %d bytes, %v; want the first half and ErrChanged", name, len(got), err)
		}
		if err := body.Close(); err != nil {
			t.Error(err)
		}
		if _, err := s.Put(t.Context(), "a", strings.NewReader(strings.Repeat("1", 100_000))); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDamageOnTheWayIsNoticed(t *testing.T) {
	s := withFaults(t)
	large := strings.Repeat("0123456789", partBytes/5)
	for key, content := range map[string]string{"small": "content", "large": large} {
		if _, err := s.Put(t.Context(), key, strings.NewReader(content)); err != nil {
			t.Fatal(err)
		}
		s.On("get", awsfault.Damaged)
		body, _, err := s.Get(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, body); err == nil || !strings.Contains(err.Error(), "checksum") {
			t.Errorf("reading the damaged %s object: %v, want an error about its checksum", key, err)
		}
		if err := body.Close(); err != nil {
			t.Error(err)
		}
	}
	// What is damaged on its way there is refused by S3, and sent again.
	s.On("put", func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
		content, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(bytes.Replace(content, []byte("sent"), []byte("tens"), 1)))
		return next.RoundTrip(r)
	})
	if _, err := s.Put(t.Context(), "up", strings.NewReader("what is sent")); err != nil {
		t.Errorf("Put: %v", err)
	}
	s.wantObject(t, "up", "what is sent")
}
