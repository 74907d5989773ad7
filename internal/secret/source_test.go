package secret_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/runs-fleet/runs-fleet/internal/secret"
)

func TestLinesAreThePresentSecretAndTheOneItReplaces(t *testing.T) {
	for _, c := range []struct {
		values, want []string
	}{
		{[]string{"one"}, []string{"one"}},
		{[]string{" one\r\n\n"}, []string{"one"}},
		{[]string{"new\nold\n"}, []string{"new", "old"}},
		{[]string{"new", "old"}, []string{"new", "old"}},
		{[]string{"same", "same\n"}, []string{"same"}},
		{[]string{"new\nold", "old"}, []string{"new", "old"}},
		{[]string{"new\nold", "older"}, []string{"new", "old"}},
		{[]string{"new", "a\nb\nc"}, []string{"new", "a"}},
		{[]string{"a\nb\nc"}, nil},
		{[]string{"\n \n"}, nil},
		{nil, nil},
	} {
		got, err := secret.Lines(c.values)
		if !slices.Equal(got, c.want) || (err == nil) != (c.want != nil) {
			t.Errorf("Lines(%q) = %q, %v; want %q", c.values, got, err, c.want)
		}
	}
}

func TestAWholeSecretIsThePresentOne(t *testing.T) {
	got, err := secret.Whole([]string{"-----BEGIN\nkey\n-----END\n", "former"})
	if err != nil || !slices.Equal(got, []string{"-----BEGIN\nkey\n-----END"}) {
		t.Errorf("Whole = %q, %v", got, err)
	}
	for _, values := range [][]string{nil, {" \n"}} {
		if got, err := secret.Whole(values); err == nil {
			t.Errorf("Whole(%q) = %q, want a refusal", values, got)
		}
	}
}

func TestAFileIsReadEachTime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	source := secret.FromFile(path)
	if _, err := source.Read(t.Context()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Read of an absent file: %v", err)
	}
	for _, content := range []string{"one", "two"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := source.Read(t.Context()); err != nil || !slices.Equal(got, []string{content}) {
			t.Errorf("Read = %q, %v; want %q", got, err, content)
		}
	}
}
