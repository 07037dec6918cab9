// Package outlog is the simulator's own memory of the strikes that were energised: a file that is only ever appended to,
// one JSON object a line. It is what a test holds the centre's log against, so it owes nothing to controller, broker or
// centre, and each row is with the operating system before the device answers the command.
//
// A process that is killed loses nothing that way; a machine that loses its power may lose the last rows.
package outlog

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"
)

// Row is one OUT command that energised a strike.
type Row struct {
	N      uint64    `json:"n"`  // from 1, without gaps, also over restarts of the simulator
	At     time.Time `json:"at"` // the simulator's clock, UTC
	Door   string    `json:"door,omitempty"`
	Device string    `json:"device"`
	Output int       `json:"output"`
}

// Log appends rows to a file. It is safe for concurrent use.
type Log struct {
	mu   sync.Mutex
	file *os.File
	last uint64
	err  error
}

// Open opens or makes the file; numbers go on where they ended.
func Open(path string) (*Log, error) {
	rows, err := Read(path)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open log of outputs: %w", err)
	}
	l := &Log{file: f}
	if len(rows) > 0 {
		l.last = rows[len(rows)-1].N
	}
	return l, nil
}

// Append writes a row with the next number. After a failure nothing more is written, and Close returns the failure: a log
// with a hole would be a false witness.
func (l *Log) Append(r Row) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return
	}
	r.N = l.last + 1
	b, err := json.Marshal(r)
	if err == nil {
		_, err = l.file.Write(append(b, '\n')) // one write: no buffer that a kill could take along
	}
	if err != nil {
		l.err = fmt.Errorf("append to log of outputs: %w", err)
		return
	}
	l.last = r.N
}

// Close closes the file and returns the first failure.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.Join(l.err, l.file.Close())
}

// Read reads all rows of a file; one that is not there has none. Rows out of number are an error.
func Read(path string) ([]Row, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read log of outputs: %w", err)
	}
	return Parse(bytes.NewReader(b))
}

// Parse reads rows.
func Parse(in io.Reader) ([]Row, error) {
	var rows []Row
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		var r Row
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return nil, fmt.Errorf("log of outputs, line %d: %w", len(rows)+1, err)
		}
		if r.N != uint64(len(rows)+1) {
			return nil, fmt.Errorf("log of outputs, line %d: number %d", len(rows)+1, r.N)
		}
		rows = append(rows, r)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read log of outputs: %w", err)
	}
	return rows, nil
}
