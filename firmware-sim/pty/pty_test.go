package pty

import (
	"bytes"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

const within = 10 * time.Second

func open(t *testing.T, link string) *Line {
	t.Helper()
	l, err := Open(link)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() }) // most tests close it themselves
	return l
}

// controller opens the tty as a program at the other end of a cable would.
func controller(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// read reads exactly n bytes, or says what came until it gave up.
func read(t *testing.T, from io.Reader, n int) []byte {
	t.Helper()
	b := make([]byte, n)
	done := make(chan error, 1)
	go func() {
		_, err := io.ReadFull(from, b)
		done <- err
	}()
	select {
	case err := <-done:
		if err != nil {
			t.Fatalf("read %d bytes: %v", n, err)
		}
	case <-time.After(within):
		t.Fatalf("%d bytes did not come within %v", n, within)
	}
	return b
}

func TestEveryByteArrivesUnchangedBothWays(t *testing.T) {
	link := filepath.Join(t.TempDir(), "sim", "line0")
	l := open(t, link)
	tty := controller(t, link)
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	shuffled := bytes.Clone(all)
	rand.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	for name, sent := range map[string][]byte{"in order": all, "shuffled": shuffled, "line ends": []byte("\r\n\r\r\n\n\x04\x03\x11\x13\x1a\x7f")} {
		if _, err := l.Write(sent); err != nil {
			t.Fatal(err)
		}
		if got := read(t, tty, len(sent)); !bytes.Equal(got, sent) {
			t.Errorf("%s: the controller read %x, want %x", name, got, sent)
		}
		if _, err := tty.Write(sent); err != nil {
			t.Fatal(err)
		}
		// An echo would come first.
		if got := read(t, l, len(sent)); !bytes.Equal(got, sent) {
			t.Errorf("%s: the simulator read %x, want %x", name, got, sent)
		}
	}
}

func TestLinkLeadsToTheNewLineAndGoesWithIt(t *testing.T) {
	link := filepath.Join(t.TempDir(), "line0")
	first := open(t, link)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/pts/gone", link); err != nil { // as a simulator leaves it that was killed
		t.Fatal(err)
	}
	second := open(t, link)
	if target, err := os.Readlink(link); err != nil || target != second.Path() {
		t.Errorf("the link leads to %s (%v), want %s", target, err, second.Path())
	}
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(link); !os.IsNotExist(err) {
		t.Errorf("after the line is closed the link is still there (%v)", err)
	}
}

func TestLineOutlivesAControllerThatComesAndGoes(t *testing.T) {
	l := open(t, "")
	for i := range 3 {
		tty := controller(t, l.Path())
		if _, err := tty.Write([]byte{byte(i)}); err != nil {
			t.Fatal(err)
		}
		if got := read(t, l, 1); got[0] != byte(i) {
			t.Errorf("round %d: read %x", i, got)
		}
		tty.Close()
	}
}

func TestClosedLineEndsReadersAtBothEnds(t *testing.T) {
	l := open(t, "")
	tty := controller(t, l.Path())
	ended := make(chan string, 2)
	for name, end := range map[string]io.Reader{"simulator": l, "controller": tty} {
		go func() {
			n, err := end.Read(make([]byte, 16))
			if n != 0 || err == nil {
				t.Errorf("the %s read %d bytes (%v), want an end", name, n, err)
			}
			ended <- name
		}()
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		select {
		case <-ended:
		case <-time.After(within):
			t.Fatal("a reader waits on although the line is closed")
		}
	}
	if _, err := tty.Write([]byte("x")); err == nil {
		t.Error("the controller can write to a line that hung up")
	}
}

func TestLinkThatCannotBeMadeIsAnErrorAndLeavesNoLine(t *testing.T) {
	dir := t.TempDir()
	full := filepath.Join(dir, "full")
	if err := os.MkdirAll(filepath.Join(full, "something"), 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	before := descriptors(t)
	for _, link := range []string{full, filepath.Join(file, "line0")} {
		if l, err := Open(link); err == nil {
			t.Errorf("%s: made %s", link, l.Path())
		}
	}
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors are open, before it were %d", after, before)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}
