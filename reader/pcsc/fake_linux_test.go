package pcsc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ebfe/scard"

	"kanmon/firmware-sim/vcard"
	"kanmon/internal/fault"
	"kanmon/reader"
	"kanmon/reader/pcsc/apdu"
)

// fake is a PC/SC of which the test says everything. Waits end when what is said changes.
type fake struct {
	mu      sync.Mutex
	names   []string
	state   scard.StateFlag
	card    vcard.Card
	broken  error         // of every wait
	hang    chan struct{} // calls wait for it to be closed; nil: they do not
	changed chan struct{}
	opened  int
	shown   [][]byte
	inside  int // goroutines in calls
	most    int
}

func newFake(names ...string) *fake {
	return &fake{names: names, state: scard.StateEmpty, changed: make(chan struct{})}
}

func (f *fake) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *fake) insert(c vcard.Card) {
	f.set(func() { f.card, f.state = c, scard.StatePresent+(f.state>>16+1)<<16 })
}

func (f *fake) pull() {
	f.set(func() { f.card, f.state = nil, scard.StateEmpty+(f.state>>16+1)<<16 })
}

func (f *fake) open() (session, error) {
	f.mu.Lock()
	f.opened++
	f.mu.Unlock()
	return f, f.enter()
}

// enter is what every call does first.
func (f *fake) enter() error {
	f.mu.Lock()
	hang := f.hang
	f.inside++
	f.most = max(f.most, f.inside)
	f.mu.Unlock()
	if hang != nil {
		<-hang
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.inside--
	return nil
}

func (f *fake) readers() ([]string, error) { return f.names, f.enter() }
func (f *fake) close()                     { _ = f.enter() }

func (f *fake) wait(_ string, known state, d time.Duration) (state, error) {
	_ = f.enter()
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		f.mu.Lock()
		now, broken, changed := state{raw: f.state}, f.broken, f.changed
		if f.card != nil {
			now.atr = string(f.card.Reset())
		}
		f.mu.Unlock()
		if broken != nil || now.raw != known.raw {
			return now, broken
		}
		select {
		case <-changed:
		case <-timer.C:
			return known, nil
		}
	}
}

func (f *fake) connect(string) (card, error) {
	_ = f.enter()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.card == nil {
		return nil, errors.New("no card")
	}
	return fakeCard{f}, nil
}

func (f *fake) escape(_ string, commands [][]byte) (answers [][]byte, err error) {
	_ = f.enter()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range commands {
		f.shown = append(f.shown, c)
		answers = append(answers, []byte{0x90, 0x01})
	}
	return answers, nil
}

type fakeCard struct{ *fake }

func (c fakeCard) transmit(command []byte) ([]byte, error) {
	_ = c.enter()
	c.mu.Lock()
	card := c.card
	c.mu.Unlock()
	if card == nil {
		return nil, errors.New("removed")
	}
	return card.Answer(command).Data, nil
}

// told runs a reader on a fake and gives its story, one word an event, in which time is the bubble's.
type told struct {
	*Reader
	mu  sync.Mutex
	all []string
}

func tell(t *testing.T, f *fake, c Config) *told {
	t.Helper()
	w := &told{}
	c.on, c.Log = f, slog.New(slog.DiscardHandler)
	c.Emit = func(e Event) {
		w.mu.Lock()
		defer w.mu.Unlock()
		word := fmt.Sprintf("%T", e)[len("pcsc."):]
		switch e := e.(type) {
		case Card:
			if e.Lay {
				word = "Card lay"
			}
		case Failed:
			word += " " + fault.CodeOf(e.Err)
		}
		w.all = append(w.all, word)
	}
	var err error
	if w.Reader, err = New(c); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	synctest.Wait()
	return w
}

// says requires what came since it was last asked, once a time has passed.
func (w *told) says(t *testing.T, after time.Duration, want ...string) {
	t.Helper()
	time.Sleep(after)
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	if fmt.Sprint(w.all) != fmt.Sprint(want) {
		t.Errorf("said %v, want %v", w.all, want)
	}
	w.all = nil
}

// Anchor 40: impossible state bits, a reader that is pulled and put back.
func TestStatesThatMakeNoSenseAreSurvived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake("R 00 00")
		w := tell(t, f, Config{Pattern: "R *"})
		w.says(t, 0, "Up")
		for _, odd := range []scard.StateFlag{
			scard.StateEmpty | scard.StatePresent, 0x00010000, scard.StateUnknown, scard.StateUnavailable, scard.StateIgnore | scard.StateEmpty, 0xFFFFFFFF,
		} {
			was := f.state
			f.set(func() { f.state = odd })
			w.says(t, 5*time.Second, "Down")
			f.set(func() { f.state = was })
			w.says(t, 5*time.Second, "Up")
		}
		f.set(func() { f.broken, f.names = scard.ErrUnknownReader, nil })
		w.says(t, time.Minute, "Down")
		f.set(func() { f.broken, f.names = nil, []string{"another", "R 01 00"} })
		w.says(t, 5*time.Second, "Up")
		f.insert(vcard.TypeA{UID: []byte{1, 2, 3, 4}})
		w.says(t, 0, "Card")
		f.insert(vcard.TypeA{UID: []byte{1, 2, 3, 5}}) // no wait saw the reader empty
		w.says(t, 0, "Removed", "Card")
		f.set(func() { f.state |= scard.StateInuse }) // another program reads it
		w.says(t, time.Second)
		f.pull()
		w.says(t, 0, "Removed")
		f.set(func() {
			f.card, f.state = vcard.TypeA{}, f.state+0x00010000&^scard.StateEmpty|scard.StatePresent|scard.StateMute
		})
		f.set(func() { f.state &^= scard.StateEmpty })
		w.says(t, 0, "Failed pcsc.mute")
	})
}

// broken is a card that makes whoever reads it fall over.
type broken struct{ vcard.TypeA }

func (broken) Answer([]byte) vcard.Reply { panic("an answer that nobody thought of") }

func TestACardThatMakesTheWatchPanicTakesOneReaderDownAndNotTheProgram(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake("R")
		w := tell(t, f, Config{Pattern: "R"})
		w.says(t, 0, "Up")
		f.insert(broken{})
		w.says(t, 1900*time.Millisecond, "Down")
		f.pull()
		w.says(t, time.Minute, "Up")
		f.insert(vcard.TypeA{UID: []byte{1, 2, 3, 4}})
		w.says(t, 0, "Card")
	})
}

func TestACallThatHangsIsDownAtItsTimeAndNeverDoubled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake("R")
		w := tell(t, f, Config{Pattern: "R"})
		w.says(t, 0, "Up")
		hang := make(chan struct{})
		f.set(func() { f.hang = hang })
		f.insert(vcard.TypeA{UID: []byte{1, 2, 3, 4}})
		w.says(t, 1900*time.Millisecond) // in the connection
		w.says(t, 200*time.Millisecond, "Failed pcsc.slow", "Down")
		w.says(t, time.Hour)
		f.set(func() { f.hang = nil })
		close(hang)
		w.says(t, 5*time.Second, "Up", "Card lay")
		if f.most != 1 {
			t.Errorf("%d calls at once", f.most)
		}
		hang = make(chan struct{})
		f.set(func() { f.hang = hang })
		w.says(t, 4*time.Second, "Down") // in a wait
		f.set(func() { f.hang = nil })
		close(hang)
		w.says(t, 5*time.Second, "Up", "Card lay")
	})
}

func TestRunEndsThoughACallHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake("R")
		f.hang = make(chan struct{})
		r, err := New(Config{Pattern: "R", on: f, Log: slog.New(slog.DiscardHandler), Emit: func(Event) {}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if err := r.Run(ctx); fault.KindOf(err) != fault.Unavailable || time.Since(began) != 4*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		close(f.hang) // its goroutine ends, or the bubble would not
	})
}

func TestACardIsLeftAfterItsTimeOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake("R")
		w := tell(t, f, Config{Pattern: "R", LeftAfter: time.Minute})
		f.insert(vcard.TypeA{UID: []byte{1, 2, 3, 4}})
		w.says(t, 59*time.Second, "Up", "Card")
		w.says(t, 1100*time.Millisecond, "Left")
		w.says(t, time.Hour)
		f.pull()
		w.says(t, 0, "Removed")
		f.insert(vcard.TypeA{UID: []byte{1, 2, 3, 4}})
		f.pull()
		w.says(t, 2*time.Minute)
		f.insert(vcard.TypeA{UID: []byte{1, 2, 3, 4}})
		f.set(func() { f.broken = scard.ErrServiceStopped })
		w.says(t, 2*time.Minute, "Down")
	})
}

func TestTwoReadersOfOnePatternTakeOneEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake("R 00 00", "R 01 00")
		a := tell(t, f, Config{Pattern: "R *"})
		b := tell(t, f, Config{Pattern: "R *"})
		c := tell(t, f, Config{Pattern: "R *"})
		a.says(t, 0, "Up")
		b.says(t, 0, "Up")
		c.says(t, 0, "Down")
	})
}

func TestAnAnswerIsShownAndGoesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake("R")
		w := tell(t, f, Config{Pattern: "R", Signs: apdu.ACR122})
		if err := w.Show(t.Context(), reader.ShowDenied); err != nil {
			t.Error(err)
		}
		w.says(t, shownFor+lookEvery, "Up")
		if want := apdu.ACR122.Escape(apdu.Sign{}); len(f.shown) != 2 || !bytes.Equal(f.shown[1], want[0]) {
			t.Errorf("shown %X", f.shown)
		}
		hang := make(chan struct{})
		f.set(func() { f.hang = hang })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := w.Show(ctx, reader.ShowGranted); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("at a PC/SC that hangs: %v", err)
		}
		f.set(func() { f.hang = nil })
		close(hang)
		w.says(t, 5*time.Second)
		dumb := tell(t, newFake("S"), Config{Pattern: "S"})
		if err := dumb.Show(t.Context(), reader.ShowDenied); err != nil {
			t.Errorf("a reader without signs: %v", err)
		}
		gone := tell(t, newFake(), Config{Pattern: "T", Signs: apdu.ACR1252})
		if err := gone.Show(t.Context(), reader.ShowDenied); fault.CodeOf(err) != "pcsc.down" {
			t.Errorf("a reader that is not there: %v", err)
		}
	})
}

func TestAStarStandsForAnyCharacters(t *testing.T) {
	const acr = "ACS ACR1252 Dual Reader [ACR1252 Dual Reader PICC] 00 00"
	for pattern, want := range map[string]bool{
		acr: true, "ACS ACR1252*": true, "*PICC*": true, "*": true, "*00": true, "ACS*[*PICC] 0* 00": true, "ACS": false, "*SAM*": false, "ACS*01": false, "**": true,
		"acs*": false, "[A-Z]*": false, "ACS ACR1252 Dual Reader*Dual Reader PICC] 00 00*00": false,
	} {
		if fits(pattern, acr) != want {
			t.Errorf("%q", pattern)
		}
	}
}
