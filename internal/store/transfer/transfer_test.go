package transfer_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/runs-fleet/runs-fleet/internal/seam/seamtest"
	"github.com/runs-fleet/runs-fleet/internal/store"
	"github.com/runs-fleet/runs-fleet/internal/store/memory"
	"github.com/runs-fleet/runs-fleet/internal/store/sqlite"
	"github.com/runs-fleet/runs-fleet/internal/store/transfer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func inMemory() *memory.Store { return memory.New(seamtest.NewClock(), memory.Options{}) }

func inFile(t *testing.T) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "store.db"), seamtest.NewClock(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func rowsOf(t *testing.T, s store.Portable) []store.Row {
	t.Helper()
	var rows []store.Row
	q := store.ScanQuery{}
	for {
		page, err := s.Scan(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, page.Rows...)
		if q.Cursor = page.Next; q.Cursor == "" {
			break
		}
	}
	slices.SortFunc(rows, func(a, b store.Row) int {
		return cmp.Or(cmp.Compare(a.Key.Partition, b.Key.Partition), cmp.Compare(a.Key.Sort, b.Key.Sort))
	})
	return rows
}

func restore(t *testing.T, s store.Portable, rows ...store.Row) {
	t.Helper()
	for group := range slices.Chunk(rows, 5) { // of the largest rows no more fit
		if err := s.Restore(t.Context(), group); err != nil {
			t.Fatal(err)
		}
	}
}

// byBytes compares values as they are, no value being as an empty one. Without it large values are compared byte by byte.
func byBytes() gocmp.Option { return gocmp.Comparer(bytes.Equal) }

func header() transfer.Header {
	return transfer.Header{ID: "stream-1", Fleet: "ab12cd34", Product: "v1.2.3", Created: time.Date(2026, 11, 1, 2, 3, 4, 0, time.UTC)}
}

func export(t *testing.T, s store.Portable) []byte {
	t.Helper()
	var out bytes.Buffer
	if _, err := transfer.Export(t.Context(), s, &out, header()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func importInto(s store.Portable, stream []byte, o transfer.ImportOptions) (transfer.Summary, error) {
	return transfer.Import(context.Background(), s, bytes.NewReader(stream), o)
}

// some is rows of every kind that a store can have.
func some() []store.Row {
	key := func(p, s string) store.Key { return store.Key{Partition: p, Sort: s} }
	later := seamtest.NewClock().Now().Add(time.Hour)
	return []store.Row{
		{Key: key("job/1", "job"), Version: 7, Value: []byte(`{"id":1,"text":"<a & b>"}`), Index1: key("due/0", "x"), Index2: key("jobs", "y"), Expires: later},
		{Key: key("bytes", "1"), Version: 1, Value: []byte("\x00\xff\xfe")},
		{Key: key("bytes", "2"), Version: 2, Value: []byte("line\nline\r\u2028 \x01 \ufffd \"")},
		{Key: key("empty", "1"), Version: 1},
		{Key: key("é 日本\t", "<sort>"), Version: 1 << 50, Value: []byte("x"), Index2: key("only", "the second")},
		{Key: key("large", "1"), Version: 1, Value: bytes.Repeat([]byte("\x01"), 399_000)},
		{Key: key("large", "2"), Version: 1, Value: bytes.Repeat([]byte("\xff"), 399_000)},
	}
}

func TestAStoreGoesToAnotherBackendAndBack(t *testing.T) {
	first := inFile(t)
	restore(t, first, some()...)
	for i := range 250 {
		restore(t, first, store.Row{Key: store.Key{Partition: fmt.Sprint("p", i%7), Sort: fmt.Sprint(i)}, Version: uint64(i + 1), Value: []byte("v")})
	}
	want := rowsOf(t, first)
	second, third := inMemory(), inFile(t)
	for _, step := range []struct{ from, to store.Portable }{{first, second}, {second, third}} {
		summary, err := importInto(step.to, export(t, step.from), transfer.ImportOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if summary.Trailer.Rows != int64(len(want)) || summary.Header.Fleet != "ab12cd34" {
			t.Errorf("summary = %+v, want %d rows of the fleet", summary, len(want))
		}
		if diff := gocmp.Diff(want, rowsOf(t, step.to), byBytes()); diff != "" {
			t.Errorf("rows (-want +got):\n%s", diff)
		}
	}
	if !bytes.Equal(export(t, first), export(t, third)) {
		t.Error("the streams of equal files differ")
	}
}

func TestAnyRowsSurviveTheWay(t *testing.T) {
	text := rapid.StringN(1, 8, 50)
	index := rapid.OneOf(rapid.Just(store.Key{}), rapid.Custom(func(t *rapid.T) store.Key {
		return store.Key{Partition: text.Draw(t, "partition"), Sort: text.Draw(t, "sort")}
	}))
	row := rapid.Custom(func(t *rapid.T) store.Row {
		row := store.Row{
			Key:     store.Key{Partition: text.Draw(t, "partition"), Sort: text.Draw(t, "sort")},
			Version: rapid.Uint64Range(1, 1<<62).Draw(t, "version"), Index1: index.Draw(t, "index1"), Index2: index.Draw(t, "index2"),
		}
		if rapid.Bool().Draw(t, "text") {
			row.Value = []byte(rapid.String().Draw(t, "value"))
		} else {
			row.Value = rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")
		}
		if rapid.Bool().Draw(t, "expires") {
			row.Expires = seamtest.NewClock().Now().Add(time.Duration(rapid.IntRange(1, 1e9).Draw(t, "after")) * time.Second)
		}
		return row
	})
	rapid.Check(t, func(rt *rapid.T) {
		from, to := inMemory(), inMemory()
		for _, r := range rapid.SliceOf(row).Draw(rt, "rows") {
			restore(t, from, r)
		}
		if _, err := importInto(to, export(t, from), transfer.ImportOptions{}); err != nil {
			rt.Fatal(err)
		}
		if diff := gocmp.Diff(rowsOf(t, from), rowsOf(t, to), byBytes()); diff != "" {
			rt.Fatalf("rows (-want +got):\n%s", diff)
		}
	})
}

func TestAStreamIsReadable(t *testing.T) {
	s := inMemory()
	restore(t, s, some()[0], some()[1])
	want := `{"format":"runs-fleet store","version":1,"id":"stream-1","fleet":"ab12cd34","product":"v1.2.3","created":"2026-11-01T02:03:04Z"}
{"key":["bytes","1"],"version":1,"bytes":"AP/+"}
{"key":["job/1","job"],"version":7,"expires":EXPIRES,"index1":["due/0","x"],"index2":["jobs","y"],"value":"{\"id\":1,\"text\":\"<a & b>\"}"}
{"rows":2,"sha256":"DIGEST"}
`
	lines := strings.SplitAfter(string(export(t, s)), "\n")
	slices.Sort(lines[1:3]) // a store in several parts has no order
	summary, err := transfer.Inspect(bytes.NewReader(export(t, s)))
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(lines, "")
	got = strings.Replace(got, fmt.Sprint(some()[0].Expires.Unix()), "EXPIRES", 1)
	if i := strings.Index(got, `"sha256":"`); i > 0 {
		got = got[:i] + strings.Replace(got[i:], got[i+10:i+74], "DIGEST", 1)
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("stream (-want +got):\n%s", diff)
	}
	if summary.Trailer.Rows != 2 {
		t.Errorf("summary = %+v", summary)
	}
}

func TestStreamsThatAreNotWholeAreRefusedBeforeAnythingIsWritten(t *testing.T) {
	from := inFile(t)
	restore(t, from, some()[:5]...)
	whole := export(t, from)
	lines := bytes.SplitAfter(whole, []byte("\n"))
	replaced := func(what, by string) []byte { return bytes.Replace(whole, []byte(what), []byte(by), 1) }
	for name, c := range map[string]struct {
		stream []byte
		want   error
		says   string
	}{
		"nothing":            {nil, transfer.ErrForeign, "no stream of runs-fleet store export"},
		"a text":             {[]byte("hello\nworld\n"), transfer.ErrForeign, "no stream"},
		"other JSON":         {[]byte(`{"format":"something else","version":1}` + "\n"), transfer.ErrForeign, "no stream"},
		"a database":         {append([]byte("SQLite format 3\x00"), make([]byte, 4<<20)...), transfer.ErrForeign, "no stream"},
		"a newer version":    {replaced(`"version":1,"id"`, `"version":2,"id"`), transfer.ErrNewer, "v1.2.3"},
		"no id":              {replaced(`"id":"stream-1"`, `"id":""`), transfer.ErrDamaged, "header"},
		"the header only":    {lines[0], transfer.ErrTruncated, "export again"},
		"without its end":    {bytes.Join(lines[:len(lines)-2], nil), transfer.ErrTruncated, "line 7"},
		"cut in a row":       {whole[:len(whole)/2], transfer.ErrTruncated, "export again"},
		"its last newline":   {whole[:len(whole)-1], transfer.ErrTruncated, "export again"},
		"a row less":         {bytes.Join(slices.Delete(slices.Clone(lines), 2, 3), nil), transfer.ErrDamaged, "4 rows of 5"},
		"a changed value":    {replaced("a & b", "a & c"), transfer.ErrDamaged, "digest"},
		"an unknown field":   {replaced(`"version":7`, `"version":7,"new":1`), transfer.ErrDamaged, "no row"},
		"no version":         {replaced(`"version":7`, `"version":0`), transfer.ErrDamaged, "without a version"},
		"something after":    {append(slices.Clone(whole), "\n"...), transfer.ErrDamaged, "follows"},
		"a line without end": {append(slices.Clone(lines[0]), bytes.Repeat([]byte("x"), 4<<20)...), transfer.ErrDamaged, "line 2"},
	} {
		t.Run(name, func(t *testing.T) {
			to := inMemory()
			_, err := importInto(to, c.stream, transfer.ImportOptions{})
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error = %v, want %v that says %q", err, c.want, c.says)
			}
			if rows := rowsOf(t, to); len(rows) != 0 {
				t.Errorf("%d rows were written", len(rows))
			}
		})
	}
}

func TestAStoreThatHasRowsIsNotImportedInto(t *testing.T) {
	from, to := inMemory(), inMemory()
	restore(t, from, some()[:3]...)
	other := store.Row{Key: store.Key{Partition: "other", Sort: "row"}, Version: 3}
	stale := some()[0]
	stale.Version, stale.Value = 2, []byte("stale")
	restore(t, to, other, stale)
	stream := export(t, from)
	if _, err := importInto(to, stream, transfer.ImportOptions{}); !errors.Is(err, transfer.ErrNotEmpty) {
		t.Errorf("error = %v, want ErrNotEmpty", err)
	}
	if _, err := importInto(to, stream, transfer.ImportOptions{Fleet: "00000000", Replace: true}); !errors.Is(err, transfer.ErrOtherFleet) {
		t.Errorf("error = %v, want ErrOtherFleet", err)
	}
	if got := rowsOf(t, to); len(got) != 2 {
		t.Errorf("%d rows after refusals, want 2", len(got))
	}
	want := slices.Concat(some()[:3], []store.Row{other})
	slices.SortFunc(want, func(a, b store.Row) int {
		return cmp.Or(cmp.Compare(a.Key.Partition, b.Key.Partition), cmp.Compare(a.Key.Sort, b.Key.Sort))
	})
	for range 2 { // the same again changes nothing
		if _, err := importInto(to, stream, transfer.ImportOptions{Fleet: "ab12cd34", Replace: true}); err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(want, rowsOf(t, to), byBytes()); diff != "" {
			t.Errorf("rows (-want +got):\n%s", diff)
		}
	}
}

// interrupted is a store that fails after so many groups.
type interrupted struct {
	store.Portable
	left     int
	restored int
}

var errInterrupted = errors.New("power cut")

func (i *interrupted) Restore(ctx context.Context, rows []store.Row) error {
	if i.left == 0 {
		return errInterrupted
	}
	i.left--
	i.restored += len(rows)
	return i.Portable.Restore(ctx, rows)
}

func TestAnInterruptedImportGoesOn(t *testing.T) {
	from, to := inFile(t), inMemory()
	const many = 7_050
	var rows []store.Row
	for i := range many {
		rows = append(rows, store.Row{Key: store.Key{Partition: fmt.Sprint("p", i%3), Sort: fmt.Sprint(i)}, Version: 1})
	}
	for group := range slices.Chunk(rows, store.MaxTransaction) {
		if err := from.Restore(t.Context(), group); err != nil {
			t.Fatal(err)
		}
	}
	stream := export(t, from)
	if _, err := importInto(&interrupted{Portable: to, left: 55}, stream, transfer.ImportOptions{}); !errors.Is(err, errInterrupted) {
		t.Fatalf("error = %v, want that of the store", err)
	}
	if _, err := transfer.Export(t.Context(), to, &bytes.Buffer{}, header()); !errors.Is(err, transfer.ErrUnfinished) {
		t.Errorf("export of half a store: %v, want ErrUnfinished", err)
	}
	other := inMemory()
	restore(t, other, some()[0])
	if _, err := importInto(to, export(t, other), transfer.ImportOptions{}); !errors.Is(err, transfer.ErrUnfinished) {
		t.Errorf("another stream meanwhile: %v, want ErrUnfinished", err)
	}
	again := &interrupted{Portable: to, left: 1000}
	if _, err := importInto(again, stream, transfer.ImportOptions{}); err != nil {
		t.Fatal(err)
	}
	if again.restored >= many-3_000 {
		t.Errorf("%d of %d rows were written again, want to go on where it was", again.restored, many)
	}
	if diff := gocmp.Diff(rowsOf(t, from), rowsOf(t, to), byBytes()); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

// failing is a writer that is full.
type failing struct{}

var errFull = errors.New("disk full")

func (failing) Write([]byte) (int, error) { return 0, errFull }

func TestAnExportThatCannotBeWrittenSaysSo(t *testing.T) {
	s := inMemory()
	restore(t, s, some()...)
	if _, err := transfer.Export(t.Context(), s, failing{}, header()); !errors.Is(err, errFull) {
		t.Errorf("error = %v, want that of the writer", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := transfer.Export(ctx, s, &bytes.Buffer{}, header()); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want context.Canceled", err)
	}
}
