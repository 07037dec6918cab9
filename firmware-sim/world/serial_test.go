package world

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kanmon/firmware-sim/control"
)

// running runs a world with one serial reader of a profile, and gives the controller's end of its line.
func running(t *testing.T, profile string) (*World, *os.File) {
	t.Helper()
	path := files(t, func(dir string) {
		config := filepath.Join(dir, "config.json")
		b, err := os.ReadFile(config)
		if err != nil {
			t.Fatal(err)
		}
		serial := fmt.Sprintf(`"serial": [{"name": "IN-3", "line": %q, "profile": %q}], "doors"`, filepath.Join(dir, "serial0"), profile)
		write(t, config, strings.Replace(string(b), `"doors"`, serial, 1))
	})
	c, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	up, ended := make(chan *World, 1), make(chan error, 1)
	go func() { ended <- Run(ctx, c, quiet, func(w *World) { up <- w }) }()
	w := <-up
	tty, err := os.OpenFile(c.Serial[0].Line, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
		_ = tty.Close()
		if _, err := os.Lstat(c.Serial[0].Line); !os.IsNotExist(err) {
			t.Errorf("the line is left behind (%v)", err)
		}
	})
	return w, tty
}

// line reads what comes up to the end of a line.
func line(t *testing.T, from io.Reader) string {
	t.Helper()
	got := make(chan string, 1)
	go func() {
		var text []byte
		for b := make([]byte, 1); !strings.HasSuffix(string(text), "\n"); text = append(text, b...) {
			if _, err := from.Read(b); err != nil {
				break
			}
		}
		got <- string(text)
	}()
	select {
	case text := <-got:
		return text
	case <-time.After(10 * time.Second):
		t.Fatal("no line came")
		return ""
	}
}

func TestACardAtASerialReaderIsAnsweredByItsLight(t *testing.T) {
	w, tty := running(t, "wiegand-converter")
	answer := make(chan control.Answer, 1)
	go func() {
		answer <- w.Handle(context.Background(), control.Request{Op: control.Tap, Reader: "IN-3", Card: "佐藤"})
	}()
	if got, want := line(t, tty), "W026BDD93740\r\n"; got != want {
		t.Errorf("sent %q, want %q", got, want)
	}
	if _, err := io.WriteString(tty, "LR BS3\r\n"); err != nil {
		t.Fatal(err)
	}
	if a := <-answer; a.Error != "" || a.LED != "red" || a.Released {
		t.Errorf("seen %+v", a)
	}
}

func TestAFrameIsBrokenWhereItIsAskedFor(t *testing.T) {
	w, tty := running(t, "wiegand-converter")
	ask := func(r control.Request) control.Answer { return w.Handle(t.Context(), r) }
	if a := ask(control.Request{Op: control.Hold, Reader: "IN-3", Card: "佐藤", Broken: "short"}); a.Error != "" {
		t.Fatal(a.Error)
	}
	if got := line(t, tty); len(got) != len("W026BDD93740\r\n")-1 {
		t.Errorf("sent %q", got)
	}
	for name, r := range map[string]control.Request{
		"another way":    {Op: control.Hold, Reader: "IN-3", Card: "佐藤", Broken: "burnt"},
		"an OSDP reader": {Op: control.Hold, Reader: "IN-1", Card: "佐藤", Broken: "short"},
		"a cover":        {Op: control.Tamper, Device: "IN-3"},
	} {
		if a := ask(r); a.Error == "" {
			t.Errorf("%s: done", name)
		}
	}
}

func TestAnUnpluggedSerialReaderIsSilent(t *testing.T) {
	w, tty := running(t, "wiegand-converter")
	ask := func(r control.Request) {
		t.Helper()
		if a := w.Handle(t.Context(), r); a.Error != "" {
			t.Fatal(a.Error)
		}
	}
	ask(control.Request{Op: control.Unplug, Device: "IN-3"})
	ask(control.Request{Op: control.Hold, Reader: "IN-3", Card: "佐藤"})
	if a := w.Handle(t.Context(), control.Request{Op: control.State}); !strings.Contains(strings.Join(a.Lines, "\n"), "IN-3   serial muted=true ") {
		t.Errorf("state %q", a.Lines)
	}
	ask(control.Request{Op: control.Plug, Device: "IN-3"})
	ask(control.Request{Op: control.Noise, Device: "IN-3"})
	ask(control.Request{Op: control.Hold, Reader: "IN-3", Card: "佐藤"})
	if got := line(t, tty); !strings.HasSuffix(got, "\r\n") || strings.Count(got, "W026") != 1 || !strings.Contains(got, "\xde\xad\xbe\xef") {
		t.Errorf("after it was plugged in again: %q", got)
	}
}

func TestASerialReaderThatCannotBeIsRefused(t *testing.T) {
	for name, s := range map[string]SerialConfig{
		"profile": {Name: "IN-3", Line: filepath.Join(t.TempDir(), "x"), Profile: "other"},
		"address": {Name: "IN-3", Line: filepath.Join(t.TempDir(), "x"), Profile: "ascii-stx", Address: 3},
		"name":    {Name: "IN-1", Line: filepath.Join(t.TempDir(), "x"), Profile: "ascii-stx"},
		"line":    {Name: "IN-3", Line: "/dev/null/x", Profile: "ascii-stx"},
	} {
		c, err := Load(files(t, nil))
		if err != nil {
			t.Fatal(err)
		}
		c.Serial = []SerialConfig{s}
		if err := Run(t.Context(), c, quiet, func(*World) { t.Errorf("%s: it runs", name) }); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
