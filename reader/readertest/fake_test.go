package readertest

import (
	"slices"
	"testing"

	"kanmon/reader"
)

func TestTheFakeKeepsThePromisesOfAReader(t *testing.T) {
	Run(t, func(*testing.T) Adapter {
		f := NewFake("IN-1")
		return Adapter{Reader: "IN-1", Presentations: f.Presentations(), Tap: f.Tap, Cut: f.Cut, Restore: f.Restore}
	})
}

func TestCardsHeldWhileTheLineIsCutComeWhenItIsBack(t *testing.T) {
	f := NewFake("IN-1")
	f.Cut()
	f.Tap(Card(1))
	f.Tap(Card(2))
	if len(f.Presentations()) != 0 {
		t.Fatal("a cut line delivers")
	}
	f.Restore()
	for n := 1; n <= 2; n++ {
		if p := <-f.Presentations(); p.Credential != Card(n) {
			t.Errorf("card %d is another", n)
		}
	}
}

func TestTheFakeRecordsWhatItShows(t *testing.T) {
	f := NewFake("IN-1")
	_, more := f.Shown()
	f.Show(reader.ShowGranted)
	<-more
	f.Show(reader.ShowDenied)
	if shown, _ := f.Shown(); !slices.Equal(shown, []reader.Feedback{reader.ShowGranted, reader.ShowDenied}) {
		t.Errorf("shown %v", shown)
	}
}
