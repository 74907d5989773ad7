package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/runs-fleet/runs-fleet/internal/record"
	"github.com/runs-fleet/runs-fleet/internal/settings"
	"github.com/runs-fleet/runs-fleet/internal/store"
	"github.com/runs-fleet/runs-fleet/internal/store/transfer"
	"github.com/runs-fleet/runs-fleet/internal/version"
)

// Stores opens the store that the settings name, for the commands that move and copy it.
type Stores interface {
	// Reading opens the store as it is now: a copy, where others may go on writing.
	Reading(ctx context.Context, s settings.Settings) (*OpenStore, error)
	// Writing opens the store for this process alone where that can be had, and makes it if need be.
	Writing(ctx context.Context, s settings.Settings) (*OpenStore, error)
	// Backup writes a copy of the store to a new file, while others use it.
	Backup(ctx context.Context, s settings.Settings, path string) error
}

// OpenStore is an open store. Done closes it.
type OpenStore struct {
	store.Portable

	// Shared says that others may be at work with the store and nobody knows but by its rows. User says who certainly is.
	Shared bool
	User   string
	Done   func() error
}

func (s *session) storeCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "store",
		GroupID: groupRun,
		Short:   "Back the database up, or move it to another backend",
		Long: "Back the database up, or move it to another backend. These commands open the database themselves, with the settings of the\n" +
			"server (store and data).",
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(s.storeBackupCommand(), s.storeExportCommand(), s.storeImportCommand())
	return c
}

// opensStore adds the flags of a command that opens the database.
func opensStore(c *cobra.Command, config *string) *cobra.Command {
	c.Flags().StringVar(config, "config", "", "the settings file (YAML)")
	settings.AddFlags(c.Flags(), "store", "data")
	return c
}

func (s *session) storeBackupCommand() *cobra.Command {
	var config string
	return opensStore(&cobra.Command{
		Use:   "backup FILE",
		Short: "Copy the database to a file, while the server runs",
		Long: "Copy the database, as it is at one moment, to a new file, while the server runs. The copy takes the place of store.db in the\n" +
			"data directory to restore it. A table in DynamoDB has point-in-time recovery instead.",
		Example: "  runs-fleet store backup /var/backups/runs-fleet-store.db",
		Args:    exactly("a file to write"),
		RunE: func(c *cobra.Command, args []string) error {
			set, err := s.settings(config, c.Flags())
			if err != nil {
				return err
			}
			if err := s.env.Stores.Backup(c.Context(), set, args[0]); err != nil {
				return existsAlready(err, args[0])
			}
			return s.print("Copied the database to %s.\n", args[0])
		},
	}, &config)
}

func (s *session) storeExportCommand() *cobra.Command {
	var config string
	return opensStore(&cobra.Command{
		Use:   "export FILE",
		Short: "Write everything that the database holds to a stream",
		Long: "Write everything that the database holds to a file, or to standard output if FILE is -, as a stream that store import reads into a\n" +
			"database of any backend. Stop the servers first: what they write meanwhile may be missing. docs/operations.md describes the\n" +
			"stream. It holds no secret, but names of repositories, people and branches.",
		Example: "  runs-fleet store export fleet.stream\n" +
			"  runs-fleet store export --store dynamodb://runs-fleet - | gzip > fleet.stream.gz",
		Args: exactly("a file to write"),
		RunE: func(c *cobra.Command, args []string) error {
			set, err := s.settings(config, c.Flags())
			if err != nil {
				return err
			}
			return s.export(c.Context(), set, args[0])
		},
	}, &config)
}

func (s *session) export(ctx context.Context, set settings.Settings, to string) (err error) {
	from, err := s.env.Stores.Reading(ctx, set)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Done()) }()
	records := record.New(from)
	identity, err := records.KnownIdentity(ctx)
	if err != nil {
		return fmt.Errorf("reading whose store this is: %w", err)
	}
	user, err := s.user(ctx, from, records)
	if err != nil {
		return err
	}
	header := transfer.Header{
		ID: s.env.Random.Token(streamBytes), Fleet: identity.V.Fleet, Product: version.Current().Version, Created: s.env.Clock.Now(),
	}
	var summary transfer.Summary
	write := func(out io.Writer) (err error) {
		summary, err = transfer.Export(ctx, from, out, header)
		return err
	}
	said := s.env.Out
	if to == "-" {
		err, said = write(s.env.Out), s.env.Err
	} else {
		err = newFile(to, write)
	}
	if err != nil {
		return existsAlready(err, to)
	}
	text := fmt.Sprintf("Exported %d rows of the fleet %s.\n", summary.Trailer.Rows, first(identity.V.Fleet, "(it has no id yet)"))
	if user != "" {
		text += fmt.Sprintf("%s: the stream may lack what is written meanwhile. To move the fleet, stop it and export again.\n", user)
	}
	if _, err := io.WriteString(said, text); err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	return nil
}

const streamBytes = 16

// alive is how old the heartbeat of a server that runs can be; it is written every minute.
const alive = 3 * time.Minute

// user says which server is, or has lately been, at work with the store.
func (s *session) user(ctx context.Context, of *OpenStore, r *record.Records) (string, error) {
	if !of.Shared {
		return of.User, nil
	}
	beat, err := r.Heartbeat(ctx)
	if err != nil {
		return "", fmt.Errorf("reading whether a server is at work: %w", err)
	}
	since := s.env.Clock.Now().Sub(beat.V.At)
	if !beat.Exists() || since >= alive {
		return "", nil
	}
	return fmt.Sprintf("A server was at work with the store %s ago", since.Round(time.Second)), nil
}

func (s *session) storeImportCommand() *cobra.Command {
	var config string
	var replace bool
	c := opensStore(&cobra.Command{
		Use:   "import FILE",
		Short: "Read a stream of store export into the database",
		Long: "Read a stream of store export into an empty database of any backend. The whole stream is checked before anything is written. If\n" +
			"the import is interrupted, repeat it: it goes on where it was, and until it is complete no server starts on the database.",
		Example: "  runs-fleet store import fleet.stream --store dynamodb://runs-fleet\n" +
			"  runs-fleet store import fleet.stream --data /var/lib/runs-fleet",
		Args: exactly("a file to read"),
		RunE: func(c *cobra.Command, args []string) error {
			set, err := s.settings(config, c.Flags())
			if err != nil {
				return err
			}
			return s.importStream(c.Context(), set, args[0], replace)
		},
	}, &config)
	c.Flags().BoolVar(&replace, "replace", false, "import although the database has rows of the same fleet; those in the stream take their place")
	return c
}

func (s *session) importStream(ctx context.Context, set settings.Settings, path string, replace bool) (err error) {
	stream, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("reading the stream: %w", err)
	}
	defer func() { _ = stream.Close() }()               // it was only read
	if _, err := transfer.Inspect(stream); err != nil { // before a database is made for it
		return fmt.Errorf("importing %s: %w", path, err)
	}
	if _, err := stream.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("reading the stream again: %w", err)
	}
	into, err := s.env.Stores.Writing(ctx, set)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, into.Done()) }()
	records := record.New(into)
	identity, err := records.KnownIdentity(ctx)
	if err != nil {
		return fmt.Errorf("reading whose store this is: %w", err)
	}
	unfinished := records.Complete(ctx)
	if unfinished == nil { // the heartbeat of half an import is the stream's
		user, err := s.user(ctx, into, records)
		if err != nil {
			return err
		}
		if user != "" {
			return fmt.Errorf("%s: stop every server of it, and wait for %s", user, alive) //nolint:err113 // shown
		}
	}
	summary, err := transfer.Import(ctx, into, stream, transfer.ImportOptions{Fleet: identity.V.Fleet, Replace: replace})
	switch {
	case errors.Is(err, transfer.ErrNotEmpty):
		return fmt.Errorf("%s: %w: name an empty one, or add --replace if rows of the stream shall take their place", set.Store, err)
	case err != nil:
		return fmt.Errorf("importing %s into %s: %w", path, set.Store, err)
	}
	return s.print("Imported %d rows of the fleet %s into %s.\n", summary.Trailer.Rows, first(summary.Header.Fleet, "(it has no id yet)"), set.Store)
}
