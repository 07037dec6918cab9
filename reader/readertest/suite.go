package readertest

import (
	"fmt"
	"testing"
	"time"

	"kanmon/reader"
	"kanmon/reader/credential"
)

// Adapter is a reader adapter at work, with hands on its line. Every function returns when what it does has
// happened, so that the suite never guesses a time.
type Adapter struct {
	// Reader is the name under which the adapter presents cards.
	Reader string
	// Presentations is what the adapter delivers.
	Presentations <-chan reader.Presentation
	// Tap holds a card to the reader. The card may still be on its way when Tap returns.
	Tap func(credential.Credential)
	// Cut takes the line away, and returns when the adapter has noticed.
	Cut func()
	// Restore brings the line back, and returns when the reader is in service again.
	Restore func()
	// Impostor puts a reader in the place of the real one that does not hold its key, holds a card to it, and
	// returns when the adapter has refused it. It is nil for readers that cannot prove who they are.
	Impostor func(credential.Credential)
	// Return puts the real reader back after Impostor, and returns when it is in service.
	Return func()
}

// patience is how long a presentation may take in a test before it counts as lost.
const patience = 10 * time.Second

// Run holds an adapter to the promises of a reader. start makes a fresh one, in service, for each of them.
func Run(t *testing.T, start func(t *testing.T) Adapter) {
	t.Helper()
	for _, promise := range []struct {
		name  string
		check func(*testing.T, Adapter)
	}{
		{"EachCardIsPresentedOnceAndInOrder", onceInOrder},
		{"ACardIsPresentedAsItWasHeld", unchanged},
		{"TheLossOfTheLineIsSurvived", survivesLoss},
		{"AReaderWithoutItsKeyPresentsNothing", refusesImpostor},
	} {
		t.Run(promise.name, func(t *testing.T) { promise.check(t, start(t)) })
	}
}

// Card makes a card that differs from those with other numbers.
func Card(n int) credential.Credential {
	c, err := credential.Parse(fmt.Sprintf("bits:64:%016x", uint64(n)+0x0123_4567_0000_0000))
	if err != nil {
		panic(err) // the form is fixed above
	}
	return c
}

func take(t *testing.T, a Adapter) reader.Presentation {
	t.Helper()
	select {
	case p := <-a.Presentations:
		if p.Reader != a.Reader {
			t.Errorf("presented by reader %q, want %q", p.Reader, a.Reader)
		}
		if p.At.IsZero() {
			t.Error("presented without a time")
		}
		return p
	case <-time.After(patience):
		t.Fatal("a card was not presented")
		return reader.Presentation{}
	}
}

func want(t *testing.T, a Adapter, c credential.Credential) {
	t.Helper()
	if p := take(t, a); p.Credential != c {
		t.Fatal("another card was presented than the one that was held there")
	}
}

// nothingMore taps one last card: what comes before it was one too many.
func nothingMore(t *testing.T, a Adapter) {
	t.Helper()
	last := Card(1 << 20)
	a.Tap(last)
	want(t, a, last)
	select {
	case <-a.Presentations:
		t.Error("a card was presented that nobody held there")
	default:
	}
}

func onceInOrder(t *testing.T, a Adapter) {
	t.Helper()
	const cards = 50
	for n := range cards {
		a.Tap(Card(n))
	}
	for n := range cards {
		want(t, a, Card(n))
	}
	nothingMore(t, a)
}

func unchanged(t *testing.T, a Adapter) {
	t.Helper()
	for _, written := range []string{"bits:26:bdd93740", "bits:37:1234567898", "bits:64:0123456789abcdef", "bits:1:80"} {
		c, err := credential.Parse(written)
		if err != nil {
			t.Fatal(err)
		}
		a.Tap(c)
		want(t, a, c)
	}
}

func survivesLoss(t *testing.T, a Adapter) {
	t.Helper()
	for n := range 3 {
		a.Tap(Card(n))
		want(t, a, Card(n))
		a.Cut()
		a.Restore()
	}
	nothingMore(t, a)
}

func refusesImpostor(t *testing.T, a Adapter) {
	t.Helper()
	if a.Impostor == nil {
		t.Log("this kind of reader cannot prove who it is: nothing to hold it to")
		return
	}
	a.Impostor(Card(666))
	select {
	case <-a.Presentations:
		t.Fatal("a card was presented by a reader without its key")
	default:
	}
	a.Return()
	nothingMore(t, a)
}
