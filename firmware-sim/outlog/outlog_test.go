package outlog

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestRowsAreThereAtOnceAndNumbersGoOnAfterARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.jsonl")
	at := time.Date(2026, 11, 26, 1, 2, 3, 4000, time.UTC)
	want := []Row{
		{N: 1, At: at, Door: "D-1", Device: "IO-1", Output: 0}, {N: 2, At: at, Device: "IO-1", Output: 7}, {N: 3, At: at, Door: "D-2", Device: "IO-1", Output: 1},
	}
	l, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	l.Append(Row{At: at, Door: "D-1", Device: "IO-1"})
	l.Append(Row{At: at, Device: "IO-1", Output: 7})
	if rows, err := Read(path); err != nil || !slices.Equal(rows, want[:2]) {
		t.Errorf("while the log is open: %+v, %v", rows, err)
	}
	// No Close: the process was killed.
	again, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	again.Append(Row{At: at, Door: "D-2", Device: "IO-1", Output: 1})
	for _, l := range []*Log{l, again} {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	if rows, err := Read(path); err != nil || !slices.Equal(rows, want) {
		t.Errorf("after the restart: %+v, %v; want %+v", rows, err, want)
	}
}

func TestRowsOfManyAtOnceAreAllThereInOrder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.jsonl")
	l, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				l.Append(Row{Device: "IO-1"})
			}
		})
	}
	all.Wait()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if rows, err := Read(path); err != nil || len(rows) != 400 {
		t.Errorf("%d rows, %v; want 400 in order", len(rows), err)
	}
}

func TestALogWithAHoleIsNotBelieved(t *testing.T) {
	for name, text := range map[string]string{
		"a number left out": `{"n":1}` + "\n" + `{"n":3}` + "\n", "a number twice": `{"n":1}` + "\n" + `{"n":1}` + "\n",
		"half a row": `{"n":1}` + "\n" + `{"n":2,"at`, "an empty line": "\n",
	} {
		if rows, err := Parse(strings.NewReader(text)); err == nil {
			t.Errorf("%s: %+v", name, rows)
		}
	}
}

func TestALogThatCannotBeWrittenSaysSoAtTheEnd(t *testing.T) {
	l, err := Open(filepath.Join(t.TempDir(), "out.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	l.file.Close() // the disk is gone
	l.Append(Row{Device: "IO-1"})
	l.Append(Row{Device: "IO-1"})
	if err := l.Close(); err == nil || !strings.Contains(err.Error(), "append") {
		t.Errorf("Close: %v", err)
	}
	if _, err := Open(filepath.Join(t.TempDir(), "nowhere", "out")); err == nil || os.IsExist(err) {
		t.Errorf("a folder that is not there: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`{"n":1,"at":"2026-11-26T01:02:03Z","door":"D-1","device":"IO-1","output":0}` + "\n")
	f.Fuzz(func(t *testing.T, text string) {
		rows, err := Parse(strings.NewReader(text))
		for i, r := range rows {
			if err == nil && r.N != uint64(i+1) {
				t.Errorf("row %d has the number %d", i+1, r.N)
			}
		}
	})
}
