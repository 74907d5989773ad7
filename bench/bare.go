package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"sync"
	"time"
)

// bare is the limit: the least that a handler has to do which may say 202. It checks the signature, parses the fields that
// matter and syncs about 1 KB of them to a file, together with all others that arrived meanwhile.
type bare struct {
	log  interface{ append(record []byte) error }
	macs sync.Pool
}

func newBare(log interface{ append(record []byte) error }) *bare {
	return &bare{log: log, macs: sync.Pool{New: func() any { return hmac.New(sha256.New, []byte(webhookSecret)) }}}
}

// bareJob has the fields that a control plane cannot do without.
type bareJob struct {
	Action string `json:"action"`
	Job    struct {
		ID      int64     `json:"id"`
		Run     int64     `json:"run_id"`
		Name    string    `json:"name"`
		HeadSHA string    `json:"head_sha"`
		Labels  []string  `json:"labels"`
		Status  string    `json:"status"`
		Created time.Time `json:"created_at"`
		URL     string    `json:"html_url"`
	} `json:"workflow_job"`
	Repository struct {
		ID    int64  `json:"id"`
		Name  string `json:"name"`
		Owner struct {
			Login string `json:"login"`
		} `json:"owner"`
	} `json:"repository"`
}

// recordBytes is what is stored of a delivery.
const recordBytes = 1 << 10

func (b *bare) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength < 0 || r.ContentLength > 25<<20 {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	body := make([]byte, r.ContentLength)
	if _, err := io.ReadFull(r.Body, body); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if !b.signed(r.Header.Get("X-Hub-Signature-256"), body) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	var job bareJob
	if err := json.Unmarshal(body, &job); err != nil || job.Job.ID == 0 {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	record, err := json.Marshal(job)
	if err != nil || len(record) > recordBytes {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	padded := make([]byte, recordBytes)
	copy(padded, record)
	if err := b.log.append(padded); err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusAccepted)
}

func (b *bare) signed(header string, body []byte) bool {
	mac := b.macs.Get().(hash.Hash) //nolint:forcetypeassert // the pool holds nothing else
	defer b.macs.Put(mac)
	mac.Reset()
	_, _ = mac.Write(body) // a hash never fails
	return hmac.Equal([]byte(header), []byte("sha256="+hex.EncodeToString(mac.Sum(nil))))
}

// syncedLog appends to a file; those who come during one fdatasync share the next.
type syncedLog struct {
	file *os.File

	mu      sync.Mutex
	pending []entry
	wake    chan struct{}
	stopped chan struct{}
	closed  bool
}

type entry struct {
	record []byte
	done   chan error
}

func openSyncedLog(path string) (*syncedLog, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the log: %w", err)
	}
	l := &syncedLog{file: file, wake: make(chan struct{}, 1), stopped: make(chan struct{})}
	go l.run()
	return l, nil
}

// append returns once the record is on the disk.
func (l *syncedLog) append(record []byte) error {
	e := entry{record, make(chan error, 1)}
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return errors.New("the log is closed")
	}
	l.pending = append(l.pending, e)
	l.signal()
	l.mu.Unlock()
	return <-e.done
}

func (l *syncedLog) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *syncedLog) run() {
	defer close(l.stopped)
	var buffer []byte
	for range l.wake {
		l.mu.Lock()
		group, closed := l.pending, l.closed
		l.pending = nil
		l.mu.Unlock()
		if len(group) == 0 && closed {
			return
		}
		buffer = buffer[:0]
		for _, e := range group {
			buffer = append(buffer, e.record...)
		}
		_, err := l.file.Write(buffer)
		if err == nil {
			err = datasync(l.file)
		}
		for _, e := range group {
			e.done <- err
		}
		if closed {
			l.signal()
		}
	}
}

func (l *syncedLog) close() error {
	l.mu.Lock()
	l.closed = true
	l.signal()
	l.mu.Unlock()
	<-l.stopped
	if err := l.file.Close(); err != nil {
		return fmt.Errorf("closing the log: %w", err)
	}
	return nil
}
