package world

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kanmon/firmware-sim/control"
	"kanmon/firmware-sim/outlog"
	"kanmon/reader/osdp"
)

var quiet = slog.New(slog.DiscardHandler)

// files writes a configuration with its key and cards, and returns its path. change may spoil it.
func files(t *testing.T, change func(dir string)) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "world") //nolint:usetesting // a Unix socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	write(t, filepath.Join(dir, "key"), keyText+"\n")
	write(t, filepath.Join(dir, "cards.json"), `{"佐藤":"`+cardText+`"}`)
	path := filepath.Join(dir, "config.json")
	write(t, path, fmt.Sprintf(`{"line":%q,"socket":%q,"cards_file":%q,
		"devices":[{"name":"IN-1","address":1,"scbk_file":%[4]q,"readers":1,"serial":1},{"name":"IO-1","address":3,"scbk_file":%[4]q,"inputs":2,"outputs":1,"serial":2}],
		"doors":[{"id":"D-1","reader":"IN-1","device":"IO-1","strike":0,"contact":0,"button":1}]}`,
		filepath.Join(dir, "line0"), filepath.Join(dir, "s"), filepath.Join(dir, "cards.json"), filepath.Join(dir, "key")))
	if change != nil {
		change(dir)
	}
	return path
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestLineIsThereWhileItRunsAndGoneAfterwards(t *testing.T) {
	c, err := Load(files(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 { // also again at once, at the same places
		ctx, cancel := context.WithCancel(t.Context())
		up, ended := make(chan *World, 1), make(chan error, 1)
		go func() { ended <- Run(ctx, c, quiet, func(w *World) { up <- w }) }()
		w := <-up
		if _, err := os.Stat(c.Line); err != nil {
			t.Errorf("the line that is up: %v", err)
		}
		asked(t, c.Socket)
		if a := w.Handle(ctx, control.Request{Op: control.Noise}); a.Error != "" {
			t.Errorf("noise: %s", a.Error)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
		for _, path := range []string{c.Line, c.Socket} {
			if _, err := os.Lstat(path); !os.IsNotExist(err) {
				t.Errorf("%s is left behind (%v)", path, err)
			}
		}
	}
}

func TestStrikesThatWereEnergisedAreLoggedWithTheirDoor(t *testing.T) {
	c, err := Load(files(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	c.OutLog = filepath.Join(t.TempDir(), "out.jsonl")
	note, written, err := c.truth()
	if err != nil {
		t.Fatal(err)
	}
	devices, err := c.devices(note)
	if err != nil {
		t.Fatal(err)
	}
	before := time.Now()
	board := connect(t, devices[1], 3)
	board.command(osdp.CmdOutput, osdp.Output{Control: osdp.OutputOnTimed, Timer: 30}.Append(nil))
	board.command(osdp.CmdOutput, osdp.Output{Control: osdp.OutputOff}.Append(nil))
	rows, err := outlog.Read(c.OutLog)
	if err != nil || len(rows) != 1 || rows[0].At.Before(before) || rows[0].At.After(time.Now()) {
		t.Fatalf("rows %+v, %v", rows, err)
	}
	if want := (outlog.Row{N: 1, At: rows[0].At, Door: "D-1", Device: "IO-1"}); rows[0] != want {
		t.Errorf("row %+v, want %+v", rows[0], want)
	}
	if err := written(); err != nil {
		t.Error(err)
	}
	c.OutLog = filepath.Join(c.OutLog, "x") // below a file
	if err := Run(t.Context(), c, quiet, func(*World) { t.Error("a line without its log came up") }); err == nil {
		t.Error("a log that cannot be opened is no error")
	}
}

// asked waits for the socket, which opens a moment after the line.
func asked(t *testing.T, socket string) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(10 * time.Second); ; <-tick.C {
		a, err := control.Ask(t.Context(), socket, control.Request{Op: control.State})
		if err == nil && len(a.Lines) == 2 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("state: %+v, %v", a, err)
		}
	}
}

func TestConfigurationThatCannotWorkIsRefusedWithWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(dir string)
		want  string
	}{
		"not JSON":           {func(dir string) { write(t, filepath.Join(dir, "config.json"), "{") }, "config.json"},
		"an unknown field":   {func(dir string) { write(t, filepath.Join(dir, "config.json"), `{"lime":"x"}`) }, "lime"},
		"no file":            {func(dir string) { os.Remove(filepath.Join(dir, "config.json")) }, "read simulator configuration"},
		"no key":             {func(dir string) { os.Remove(filepath.Join(dir, "key")) }, "IN-1: read key"},
		"a key of no hex":    {func(dir string) { write(t, filepath.Join(dir, "key"), "secret word") }, "IN-1"},
		"a key that is weak": {func(dir string) { write(t, filepath.Join(dir, "key"), strings.Repeat("00", 16)) }, "weak"},
		"no cards":           {func(dir string) { os.Remove(filepath.Join(dir, "cards.json")) }, "read cards"},
		"cards of no JSON":   {func(dir string) { write(t, filepath.Join(dir, "cards.json"), "[]") }, "cards file"},
		"a broken card":      {func(dir string) { write(t, filepath.Join(dir, "cards.json"), `{"佐藤":"x"}`) }, "佐藤"},
		"a folder for a line": {func(dir string) {
			if err := os.MkdirAll(filepath.Join(dir, "line0", "x"), 0o700); err != nil {
				t.Fatal(err)
			}
		}, "line link"},
		"a folder for a socket": {func(dir string) {
			if err := os.MkdirAll(filepath.Join(dir, "s", "x"), 0o700); err != nil {
				t.Fatal(err)
			}
		}, "control socket"},
	} {
		loaded, err := Load(files(t, c.spoil))
		if err == nil {
			err = Run(t.Context(), loaded, quiet, func(*World) {})
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
