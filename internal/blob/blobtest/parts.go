package blobtest

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/blob"
)

func testParts(t *testing.T, h Harness) {
	s := h.Open(t)
	stored := put(t, s, "a", "0123456789")
	for _, c := range []struct {
		offset, length int64
		want           string
	}{
		{0, 0, "0123456789"}, {0, 10, "0123456789"}, {0, 1, "0"}, {3, 4, "3456"}, {9, 1, "9"}, {9, 0, "9"}, {5, 100, "56789"}, {0, 100, "0123456789"},
	} {
		body, info, err := s.GetRange(t.Context(), "a", c.offset, c.length)
		if err != nil {
			t.Errorf("GetRange(%d, %d): %v", c.offset, c.length, err)
			continue
		}
		got, err := io.ReadAll(body)
		if err := errors.Join(err, body.Close()); err != nil || string(got) != c.want {
			t.Errorf("GetRange(%d, %d) = %q, %v; want %q", c.offset, c.length, got, err, c.want)
		}
		if info.Key != "a" || info.Size != 10 || info.Tag != stored.Tag {
			t.Errorf("info = %+v, want that of the whole object", info)
		}
	}
	put(t, s, "empty", "")
	for _, c := range []struct {
		key            string
		offset, length int64
		want           error
	}{
		{"a", 10, 1, blob.ErrRange},
		{"a", 10, 0, blob.ErrRange},
		{"a", 1000, 5, blob.ErrRange},
		{"a", -1, 1, blob.ErrRange},
		{"a", 0, -1, blob.ErrRange},
		{"empty", 0, 0, blob.ErrRange},
		{"none", 0, 1, blob.ErrNotFound},
		{"a//b", 0, 1, blob.ErrKey},
	} {
		if _, _, err := s.GetRange(t.Context(), c.key, c.offset, c.length); !errors.Is(err, c.want) {
			t.Errorf("GetRange(%q, %d, %d) = %v, want %v", c.key, c.offset, c.length, err, c.want)
		}
	}
}

// fetch asks for an address, as somebody without any credential would.
func fetch(t *testing.T, address, part string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if part != "" {
		request.Header.Set("Range", part)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func testPresigned(t *testing.T, h Harness) {
	s := h.Open(t)
	put(t, s, "folder/an object", "0123456789")
	put(t, s, "folder/another", "secret")
	address, err := s.Presign(t.Context(), "folder/an object", time.Minute)
	if _, bad := s.Presign(t.Context(), "a//b", time.Minute); !errors.Is(bad, blob.ErrKey) {
		t.Errorf("Presign of what is no key = %v, want ErrKey", bad)
	}
	if !h.Presigns {
		if !errors.Is(err, blob.ErrNotOffered) {
			t.Errorf("Presign = %v, want ErrNotOffered", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if status, body := fetch(t, address, ""); status != http.StatusOK || body != "0123456789" {
		t.Errorf("the address answers %d, %q", status, body)
	}
	if status, body := fetch(t, address, "bytes=2-4"); status != http.StatusPartialContent || body != "234" {
		t.Errorf("the address answers a range with %d, %q", status, body)
	}
	if status, _ := fetch(t, strings.Replace(address, "an%20object", "another", 1), ""); status != http.StatusForbidden {
		t.Errorf("the address of another object, with the signature of this one, answers %d, want 403", status)
	}
	unsigned, _, _ := strings.Cut(address, "?")
	if status, _ := fetch(t, unsigned, ""); status != http.StatusForbidden {
		t.Errorf("the address without its signature answers %d, want 403", status)
	}
	for _, life := range []time.Duration{0, -time.Second, blob.MaxPresign + time.Second} {
		if _, err := s.Presign(t.Context(), "folder/an object", life); err == nil {
			t.Errorf("a life of %s was accepted", life)
		}
	}
}
