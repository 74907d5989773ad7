// Package blobtest is the suite that every blob store passes.
package blobtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/runs-fleet/runs-fleet/internal/blob"
)

// Harness is a backend under test.
type Harness struct {
	// Open returns an empty store; what it needs to be closed is registered with t.Cleanup.
	Open func(t *testing.T) blob.Store
	// Now reads the clock of the store.
	Now func() time.Time
	// Presigns says that the store offers presigned addresses.
	Presigns bool
	// Folders says that what is behind the store cannot hold an object beside a folder of its name ("a" and "a/b"), as an
	// emulator of S3 over files cannot. The suite then does without such pairs.
	Folders bool
	// Large is the size in bytes of a body that the store sends in several parts, 0 for the suite's choice.
	Large int
}

// leaf makes a key that no folder has the name of.
func (h Harness) leaf(key string) string {
	if h.Folders {
		return key + ".object"
	}
	return key
}

// Run runs the suite.
func Run(t *testing.T, h Harness) {
	t.Helper()
	t.Run("objects", func(t *testing.T) { testObjects(t, h) })
	t.Run("keys", func(t *testing.T) { testKeys(t, h) })
	t.Run("whole objects", func(t *testing.T) { testWholeObjects(t, h) })
	t.Run("conditions", func(t *testing.T) { testConditions(t, h) })
	t.Run("parts", func(t *testing.T) { testParts(t, h) })
	t.Run("presigned addresses", func(t *testing.T) { testPresigned(t, h) })
	t.Run("listing", func(t *testing.T) { testListing(t, h) })
	t.Run("contexts", func(t *testing.T) { testContexts(t, h) })
	t.Run("model", func(t *testing.T) { testModel(t, h) })
}

func put(t *testing.T, s blob.Store, key, body string) blob.Info {
	t.Helper()
	info, err := s.Put(t.Context(), key, strings.NewReader(body))
	if err != nil {
		t.Fatalf("Put(%q): %v", key, err)
	}
	return info
}

// get returns an object's body and whether there is one.
func get(ctx context.Context, s blob.Store, key string) (string, blob.Info, error) {
	body, info, err := s.Get(ctx, key)
	if err != nil {
		return "", info, err
	}
	content, err := io.ReadAll(body)
	return string(content), info, errors.Join(err, body.Close())
}

func wantBody(t *testing.T, s blob.Store, key, want string) {
	t.Helper()
	if got, _, err := get(t.Context(), s, key); err != nil || got != want {
		t.Errorf("Get(%q) = %d bytes, %v; want %d", key, len(got), err, len(want))
	}
}

func keys(ctx context.Context, s blob.Store, prefix string, limit int) ([]string, error) {
	var all []string
	cursor := ""
	for {
		page, err := s.List(ctx, prefix, cursor, limit)
		if err != nil {
			return nil, err
		}
		if limit > 0 && len(page.Objects) > limit {
			return nil, fmt.Errorf("page of %d objects, over the limit of %d", len(page.Objects), limit)
		}
		for _, o := range page.Objects {
			all = append(all, o.Key)
		}
		if page.Next == "" {
			return all, nil
		}
		cursor = page.Next
	}
}

func testObjects(t *testing.T, h Harness) {
	t.Run("an object is read as it was stored", func(t *testing.T) {
		s := h.Open(t)
		large := strings.Repeat("0123456789", max(h.Large/10, 500_000))
		for _, body := range []string{"", "text", "\x00\xff\n", large} {
			stored := put(t, s, "logs/run.txt", body)
			got, info, err := get(t.Context(), s, "logs/run.txt")
			if err != nil || got != body {
				t.Errorf("Get = %d bytes, %v; want %d", len(got), err, len(body))
			}
			if info.Key != "logs/run.txt" || info.Size != int64(len(body)) || info.Modified.Sub(h.Now()).Abs() > time.Minute || info.Tag == "" {
				t.Errorf("info = %+v", info)
			}
			// An object's time is exact to a second: S3's is in an HTTP header.
			if diff := cmp.Diff(stored, info, cmpopts.EquateApproxTime(2*time.Second)); diff != "" {
				t.Errorf("info of Put and of Get differ:\n%s", diff)
			}
		}
	})
	t.Run("an absent object is ErrNotFound", func(t *testing.T) {
		s := h.Open(t)
		put(t, s, "a/b", "")
		absent := []string{"x", "a", "a/x"}
		if !h.Folders {
			absent = append(absent, "a/b/c")
		}
		for _, key := range absent {
			if _, _, err := s.Get(t.Context(), key); !errors.Is(err, blob.ErrNotFound) {
				t.Errorf("Get(%q) = %v, want ErrNotFound", key, err)
			}
		}
	})
	t.Run("a deleted object is gone; deleting again succeeds", func(t *testing.T) {
		s := h.Open(t)
		put(t, s, "a/b/c", "1")
		put(t, s, "a/d", "2")
		for range 2 {
			if err := s.Delete(t.Context(), "a/b/c"); err != nil {
				t.Errorf("Delete: %v", err)
			}
		}
		if _, _, err := s.Get(t.Context(), "a/b/c"); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("Get = %v, want ErrNotFound", err)
		}
		wantBody(t, s, "a/d", "2")
		if err := s.Delete(t.Context(), "never/was"); err != nil {
			t.Errorf("Delete of an absent object: %v", err)
		}
	})
}

func testKeys(t *testing.T, h Harness) {
	t.Run("keys that differ name different objects", func(t *testing.T) {
		s := h.Open(t)
		long := strings.Repeat("s", blob.MaxSegmentBytes)
		names := []string{
			"A", "a/b/c", "a+/b", "a==", "a+=", "a=/b", "a/b=", "a/b+", "é", "日本/語", "with space", "-", "...", "a..b",
			".hidden", "a%2Fb", `back\slash`, "q?x#y&z", long + "/" + long, strings.Repeat("d/", 511) + "xy",
		}
		if !h.Folders {
			names = append(names, "a", "a/b", "a+", "a=", long)
		}
		for _, name := range names {
			put(t, s, name, "body of "+name)
		}
		for _, name := range names {
			wantBody(t, s, name, "body of "+name)
		}
		got, err := keys(t.Context(), s, "", 0)
		slices.Sort(names)
		if diff := cmp.Diff(names, got); err != nil || diff != "" {
			t.Errorf("List (-want +got), %v:\n%s", err, diff)
		}
	})
	t.Run("what is not a key is refused", func(t *testing.T) {
		s := h.Open(t)
		for _, key := range []string{
			"", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/./b", "a/..", "a\x00b", "a\nb", "\xff",
			strings.Repeat("x", blob.MaxSegmentBytes+1), strings.Repeat("d/", 512) + "x",
		} {
			_, putErr := s.Put(t.Context(), key, strings.NewReader("x"))
			_, _, getErr := s.Get(t.Context(), key)
			for call, err := range map[string]error{"Put": putErr, "Get": getErr, "Delete": s.Delete(t.Context(), key)} {
				if !errors.Is(err, blob.ErrKey) {
					t.Errorf("%s(%q) = %v, want ErrKey", call, key, err)
				}
			}
		}
	})
}

// halfway fails after its first part.
type halfway struct{ sent bool }

var errHalfway = errors.New("connection lost")

func (r *halfway) Read(p []byte) (int, error) {
	if r.sent {
		return 0, errHalfway
	}
	r.sent = true
	return copy(p, "half of the new object"), nil
}

func testWholeObjects(t *testing.T, h Harness) {
	t.Run("a body that fails leaves the former object", func(t *testing.T) {
		s := h.Open(t)
		put(t, s, "a", "former")
		for _, key := range []string{"a", "new"} {
			if _, err := s.Put(t.Context(), key, &halfway{}); !errors.Is(err, errHalfway) {
				t.Errorf("Put = %v, want the body's error", err)
			}
		}
		wantBody(t, s, "a", "former")
		if got, err := keys(t.Context(), s, "", 0); err != nil || !slices.Equal(got, []string{"a"}) {
			t.Errorf("List = %v, %v; want the former object only", got, err)
		}
	})
	t.Run("a reader goes on with the object that it opened", func(t *testing.T) {
		s := h.Open(t)
		former := strings.Repeat("former", 100_000)
		put(t, s, "a", former)
		body, _, err := s.Get(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		put(t, s, "a", "new")
		content, err := io.ReadAll(body)
		if err := errors.Join(err, body.Close()); err != nil || string(content) != former {
			t.Errorf("read %d bytes, %v; want the former object", len(content), err)
		}
		wantBody(t, s, "a", "new")
	})
	t.Run("concurrent writers and deletes leave one whole object or none", func(t *testing.T) {
		s := h.Open(t)
		var wg sync.WaitGroup
		for writer := range 6 {
			wg.Go(func() {
				body := strings.Repeat(fmt.Sprint(writer), 10_000)
				for range 10 {
					if _, err := s.Put(t.Context(), "folder/a", strings.NewReader(body)); err != nil {
						t.Errorf("Put: %v", err)
					}
					got, _, err := get(t.Context(), s, "folder/a")
					if err == nil && (len(got) != len(body) || got != strings.Repeat(got[:1], len(body))) {
						t.Errorf("read a mixture of %d bytes", len(got))
					} else if err != nil && !errors.Is(err, blob.ErrNotFound) {
						t.Errorf("Get: %v", err)
					}
					if err := s.Delete(t.Context(), "folder/a"); err != nil {
						t.Errorf("Delete: %v", err)
					}
				}
			})
		}
		wg.Wait()
		if got, err := keys(t.Context(), s, "", 0); err != nil || len(got) != 0 {
			t.Errorf("List = %v, %v; want none", got, err)
		}
	})
}

func testListing(t *testing.T, h Harness) {
	s := h.Open(t)
	stored := []string{"a-b", "a/1", "a/10", "a/2/x", "a0", "b/c/d", "é"}
	if !h.Folders {
		stored = append(stored, "a", "a/2")
	}
	slices.Sort(stored)
	for _, key := range stored {
		put(t, s, key, key)
	}
	for _, prefix := range []string{"", "a", "a/", "a/1", "a/2", "a/2/", "b/c/d", "b/c/d/", "none", "../", "/"} {
		t.Run(fmt.Sprintf("under %q", prefix), func(t *testing.T) {
			var want []string
			for _, key := range stored {
				if strings.HasPrefix(key, prefix) {
					want = append(want, key)
				}
			}
			for limit := range 4 {
				got, err := keys(t.Context(), s, prefix, limit)
				if diff := cmp.Diff(want, got); err != nil || diff != "" {
					t.Errorf("List with limit %d (-want +got), %v:\n%s", limit, err, diff)
				}
			}
		})
	}
	t.Run("describes its objects", func(t *testing.T) {
		page, err := s.List(t.Context(), "b/", "", 10)
		if err != nil || len(page.Objects) != 1 {
			t.Fatalf("List = %+v, %v", page, err)
		}
		_, described, err := get(t.Context(), s, "b/c/d")
		if err != nil {
			t.Fatal(err)
		}
		want := blob.Info{Key: "b/c/d", Size: 5, Modified: h.Now(), Tag: described.Tag}
		if diff := cmp.Diff(want, page.Objects[0], cmpopts.EquateApproxTime(time.Minute)); diff != "" {
			t.Errorf("info (-want +got):\n%s", diff)
		}
	})
	t.Run("a page keeps its place while objects come and go", func(t *testing.T) {
		s := h.Open(t)
		for _, key := range []string{"b", "d", "f"} {
			put(t, s, key, "")
		}
		page, err := s.List(t.Context(), "", "", 2)
		if err != nil || page.Next == "" {
			t.Fatalf("List = %+v, %v", page, err)
		}
		put(t, s, "a", "")
		put(t, s, "e", "")
		if err := s.Delete(t.Context(), "d"); err != nil {
			t.Fatal(err)
		}
		page, err = s.List(t.Context(), "", page.Next, 10)
		if err != nil || len(page.Objects) != 2 || page.Objects[0].Key != "e" || page.Objects[1].Key != "f" || page.Next != "" {
			t.Errorf("second page = %+v, %v; want e and f, the last", page, err)
		}
	})
}

func testContexts(t *testing.T, h Harness) {
	s := h.Open(t)
	put(t, s, "a", "1")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, putErr := s.Put(ctx, "a", strings.NewReader("2"))
	_, _, getErr := s.Get(ctx, "a")
	_, listErr := s.List(ctx, "", "", 1)
	for call, err := range map[string]error{"Put": putErr, "Get": getErr, "List": listErr, "Delete": s.Delete(ctx, "a")} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s with a cancelled context = %v, want context.Canceled", call, err)
		}
	}
	wantBody(t, s, "a", "1")
}

// testModel compares the store with a map over random histories.
func testModel(t *testing.T, h Harness) {
	s := h.Open(t)
	model := map[string]string{}
	key := rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "a+", "a=", "b-", "b"}), 1, 3),
		func(segments []string) string { return strings.Join(segments, "/") })
	rapid.Check(t, func(rt *rapid.T) {
		rt.Repeat(map[string]func(*rapid.T){
			"put": func(rt *rapid.T) {
				k, body := h.leaf(key.Draw(rt, "key")), rapid.StringN(0, 5, 20).Draw(rt, "body")
				if _, err := s.Put(t.Context(), k, strings.NewReader(body)); err != nil {
					rt.Fatalf("Put(%q): %v", k, err)
				}
				model[k] = body
			},
			"delete": func(rt *rapid.T) {
				k := h.leaf(key.Draw(rt, "key"))
				if err := s.Delete(t.Context(), k); err != nil {
					rt.Fatalf("Delete(%q): %v", k, err)
				}
				delete(model, k)
			},
			"get": func(rt *rapid.T) {
				k := h.leaf(key.Draw(rt, "key"))
				got, _, err := get(t.Context(), s, k)
				want, ok := model[k]
				if got != want || errors.Is(err, blob.ErrNotFound) == ok {
					rt.Fatalf("Get(%q) = %q, %v; want %q, there: %t", k, got, err, want, ok)
				}
			},
			"list": func(rt *rapid.T) {
				prefix := rapid.OneOf(rapid.Just(""), key).Draw(rt, "prefix")
				var want []string
				for k := range model {
					if strings.HasPrefix(k, prefix) {
						want = append(want, k)
					}
				}
				slices.Sort(want)
				got, err := keys(t.Context(), s, prefix, rapid.IntRange(0, 3).Draw(rt, "limit"))
				if diff := cmp.Diff(want, got); err != nil || diff != "" {
					rt.Fatalf("List(%q) (-want +got), %v:\n%s", prefix, err, diff)
				}
			},
		})
	})
}
