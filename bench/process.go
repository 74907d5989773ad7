package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/runs-fleet/runs-fleet/internal/ingress"
)

// processCommand makes this program one of the measured processes instead of the one that measures.
const processCommand = "process"

// spec tells such a process what to be.
type spec struct {
	Kind       string `json:"kind"` // bare or server
	Dir        string `json:"dir"`
	MaxRunners int    `json:"max_runners"`
	Foreign    bool   `json:"foreign"`
	Profile    string `json:"profile"` // of the CPU, if given
	SQS        string `json:"sqs"`     // endpoint of the queue's service; empty for an embedded one
	Idle       bool   `json:"idle"`    // the webhook's endpoint alone, without a controller that takes what comes
}

// child is a measured process.
type child struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Scanner
	address string
}

func startChild(ctx context.Context, s spec) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this program: %w", err)
	}
	text, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("describing a process: %w", err)
	}
	c := &child{cmd: exec.CommandContext(ctx, self, processCommand, string(text))}
	c.cmd.Stderr = os.Stderr
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("making a pipe: %w", err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("making a pipe: %w", err)
	}
	c.out = bufio.NewScanner(out)
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting a measured process: %w", err)
	}
	if err := c.read(&c.address); err != nil {
		return nil, errors.Join(err, c.cmd.Wait())
	}
	return c, nil
}

// read reads the next line that the process says.
func (c *child) read(into any) error {
	if !c.out.Scan() {
		return errors.Join(errors.New("the measured process ended early"), c.out.Err())
	}
	if err := json.Unmarshal(c.out.Bytes(), into); err != nil {
		return fmt.Errorf("reading what the measured process says: %w", err)
	}
	return nil
}

// usage asks the process for its memory and progress.
func (c *child) usage() (usageOf, error) {
	var u usageOf
	if _, err := c.in.Write([]byte("usage\n")); err != nil {
		return u, fmt.Errorf("asking the measured process: %w", err)
	}
	return u, c.read(&u)
}

// stop ends the process.
func (c *child) stop() error {
	err := c.in.Close()
	if err = errors.Join(err, c.cmd.Wait()); err != nil {
		return fmt.Errorf("ending a measured process: %w", err)
	}
	return nil
}

// process is the other side.
func process(ctx context.Context, args []string, in io.Reader, out io.Writer) (err error) {
	if len(args) != 1 {
		return errors.New("a measured process is started by a benchmark, not by people")
	}
	var s spec
	if err := json.Unmarshal([]byte(args[0]), &s); err != nil {
		return fmt.Errorf("reading what to be: %w", err)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	stopProfile, err := profile(s.Profile)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopProfile()) }()
	if s.Kind == kindBare && s.SQS != "" {
		return bareSQS(ctx, s, listener, in, out)
	}
	if s.Kind == kindBare {
		log, err := openSyncedLog(filepath.Join(s.Dir, "deliveries.log"))
		if err != nil {
			return err
		}
		return errors.Join(answer(listener, newBare(log), func() usageOf { return usageOf{} }, in, out), log.close())
	}
	return server(ctx, s, listener, in, out)
}

const (
	kindBare   = "bare"
	kindServer = "server"
)

// server is the control plane; its log goes to a file, as under a supervisor.
func server(ctx context.Context, s spec, listener net.Listener, in io.Reader, out io.Writer) (err error) {
	log, err := os.OpenFile(filepath.Join(s.Dir, "server.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("opening the server's log: %w", err)
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	labels := ours
	if s.Foreign {
		labels = foreign
	}
	w, err := openWorld(ctx, worldOptions{dir: s.Dir, log: log, maxRunners: s.MaxRunners, labels: labels, sqs: s.SQS})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	stop := func() error { return nil }
	if !s.Idle {
		stop = w.start(ctx)
	}
	mux := http.NewServeMux()
	mux.Handle("/webhook", w.webhook)
	err = answer(listener, mux, func() usageOf { return measureUsage(w.webhook.Stats()[ingress.Stored]) }, in, out)
	return errors.Join(err, stop())
}

// answer serves until standard input ends; each line of it is a question about the process.
func answer(listener net.Listener, handler http.Handler, usage func() usageOf, in io.Reader, out io.Writer) error {
	s := &http.Server{Handler: handler} //nolint:gosec // Harden sets the limits
	ingress.Harden(s)
	served := make(chan error, 1)
	go func() { served <- s.Serve(listener) }()
	e := json.NewEncoder(out)
	if err := e.Encode(listener.Addr().String()); err != nil {
		return fmt.Errorf("saying where to reach this process: %w", err)
	}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		if err := e.Encode(usage()); err != nil {
			return fmt.Errorf("answering about this process: %w", err)
		}
	}
	err := s.Close()
	if e := <-served; !errors.Is(e, http.ErrServerClosed) {
		err = errors.Join(err, e)
	}
	if err != nil {
		return fmt.Errorf("serving HTTP: %w", err)
	}
	return nil
}
