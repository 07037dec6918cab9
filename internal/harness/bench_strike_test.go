package harness

import (
	"crypto/rand"
	"io"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"kanmon/firmware-sim/control"
	"kanmon/firmware-sim/pty"
)

// taps is how many cards the benchmark holds to the reader.
const taps = 300

// BenchmarkTapToStrike measures from the card's RAW reply having been written on the pty to the strike's OUT
// command having been read from it, through bus, decision, journal and bus again; and beside it, in the same run,
// the floor: one fsync of the same folder's disk, and two frames' worth of bytes over a pty. The controller need not wait for a poll once it has the card,
// so the gap between polls is part of what a person waits, not of this figure; it is reported apart.
func BenchmarkTapToStrike(b *testing.B) {
	s := Start(b)
	board := s.Device("IO-1")
	people := []string{"佐藤", "鈴木", "田中"} // in turn: the same card at once is the same wish
	for b.Loop() {
		var strike, whole []time.Duration
		for i := range taps {
			before := board.Marks()
			began := time.Now()
			a := s.Do(control.Request{Op: control.Tap, Reader: "IN-1", Card: people[i%len(people)], Stay: true})
			after := board.Marks()
			if !a.Released || after.OutputRead.Equal(before.OutputRead) {
				b.Fatalf("tap %d: %+v", i, a)
			}
			strike = append(strike, after.OutputRead.Sub(s.Device("IN-1").Marks().CardSent))
			whole = append(whole, after.OutputRead.Sub(began))
		}
		floor := fsyncs(b, filepath.Dir(s.City.Files.ControllerConfig()))
		report(b, "strike", strike)
		report(b, "with-poll-wait", whole)
		report(b, "fsync", floor)
		line := frames(b)
		report(b, "frames", line)
		b.ReportMetric(float64(middle(strike))/float64(middle(floor)+middle(line)), "strike/floor")
		b.ReportMetric(0, "ns/op") // one run of many taps: the figure per run says nothing
	}
}

func report(b *testing.B, name string, d []time.Duration) {
	b.Helper()
	b.ReportMetric(float64(middle(d).Microseconds()), name+"-median-µs")
	b.ReportMetric(float64(d[len(d)*99/100].Microseconds()), name+"-p99-µs") // middle has sorted d
}

// middle sorts d and returns its median.
func middle(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// frames times 31 bytes, a secured RAW or OUT with its mark, over a pty and back.
func frames(b *testing.B) []time.Duration {
	b.Helper()
	line, err := pty.Open("")
	if err != nil {
		b.Fatal(err)
	}
	defer line.Close()
	far, err := os.OpenFile(line.Path(), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer far.Close()
	frame, back := make([]byte, 31), make([]byte, 31)
	var took []time.Duration
	for range taps {
		began := time.Now()
		for _, way := range [][2]*os.File{{line.File, far}, {far, line.File}} {
			if _, err := way[0].Write(frame); err != nil {
				b.Fatal(err)
			}
			if _, err := io.ReadFull(way[1], back); err != nil {
				b.Fatal(err)
			}
		}
		took = append(took, time.Since(began))
	}
	return took
}

// fsyncs times appending 4 KiB and syncing it, as a commit does.
func fsyncs(b *testing.B, dir string) []time.Duration {
	b.Helper()
	f, err := os.CreateTemp(dir, "fsync")
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	block := make([]byte, 4096)
	_, _ = rand.Read(block) // never fails
	var took []time.Duration
	for range taps {
		began := time.Now()
		if _, err := f.Write(block); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(began))
	}
	return took
}
