package desk

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"kanmon/internal/access"
	"kanmon/internal/tap"
	"kanmon/reader"
	"kanmon/reader/credential"
)

// line is a centre that polices what a desk may say: no tap is old or both a card and a refusal, reports are numbered, no stay comes too early.
type line struct {
	t *testing.T

	mu    sync.Mutex
	down  bool
	slow  time.Duration
	watch time.Duration
	taken bool
	taps  []tap.Tap
	stays [][]tap.Stay
	n     uint64
}

func (l *line) Tap(ctx context.Context, x tap.Tap) (tap.Taken, error) {
	l.mu.Lock()
	slow, down := l.slow, l.down
	l.mu.Unlock()
	select {
	case <-time.After(slow):
	case <-ctx.Done():
		return tap.Taken{}, ctx.Err()
	}
	if down {
		return tap.Taken{}, errors.New("no line")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if (x.Credential == "") == (x.Refused == "") || x.AgeMS < 0 || x.AgeMS > tap.MaxAgeMS {
		l.t.Errorf("a tap that is none: refused %q, age %d", x.Refused, x.AgeMS)
	}
	l.taps = append(l.taps, x)
	return tap.Taken{Taken: l.taken}, nil
}

func (l *line) Status(_ context.Context, s tap.Status) (tap.Answer, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down {
		return tap.Answer{}, errors.New("no line")
	}
	if s.N <= l.n || s.Start == "" || s.Readers == nil || s.Stays == nil {
		l.t.Errorf("a report that is none: %+v after %d", s, l.n)
	}
	for _, x := range s.Stays {
		if time.Duration(x.ForMS)*time.Millisecond < l.watch {
			l.t.Errorf("a stay after %d ms, watch %v", x.ForMS, l.watch)
		}
	}
	l.n = s.N
	l.stays = append(l.stays, s.Stays)
	return tap.Answer{WatchS: int64(l.watch / time.Second)}, nil
}

func (l *line) set(change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
}

// lying are the cards of the last report.
func (l *line) lying() (ids []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.stays[len(l.stays)-1] {
		ids = append(ids, s.ID)
	}
	return ids
}

type plate struct{ shown []reader.Feedback }

func (*plate) Run(ctx context.Context) error { <-ctx.Done(); return nil }

func (p *plate) Show(_ context.Context, f reader.Feedback) error {
	p.shown = append(p.shown, f)
	return nil
}

func card(t testing.TB, written string) credential.Credential {
	t.Helper()
	c, err := credential.Parse(written)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// bench runs an agent with one reader in a bubble.
func bench(t *testing.T, fn func(a *Agent, l *line, p *plate)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l, p := &line{t: t, watch: time.Minute, taken: true}, &plate{}
		var log strings.Builder
		a := New(Config{Link: l, Software: "test", Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
		a.Attach("R1", p)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- a.Run(ctx) }()
		synctest.Wait()
		fn(a, l, p)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if strings.Contains(log.String(), "11223344") {
			t.Errorf("a card number is in the log: %s", log.String())
		}
	})
}

func (a *Agent) held(t testing.TB, written string) {
	a.Present(reader.Presentation{Reader: "R1", Credential: card(t, written), Trust: access.TrustNumber, At: time.Now()})
}

// R43-2
func TestATapIsSentAtOnceAndAnswered(t *testing.T) {
	bench(t, func(a *Agent, l *line, p *plate) {
		a.held(t, "uid:32:11223344")
		synctest.Wait()
		if len(l.taps) != 1 || string(l.taps[0].Credential) != "uid:32:11223344" || l.taps[0].Trust != "number" || l.taps[0].AgeMS != 0 {
			t.Fatalf("%d taps", len(l.taps))
		}
		a.Fail("R1", credential.TypeB())
		synctest.Wait()
		if len(l.taps) != 2 || l.taps[1].Refused != "credential.type_b" {
			t.Fatal("the refused card was not told of")
		}
		l.set(func() { l.taken = false })
		a.held(t, "uid:32:11223344")
		synctest.Wait()
		if !slices.Equal(p.shown, []reader.Feedback{reader.ShowGranted, reader.ShowDenied}) {
			t.Errorf("shown %v", p.shown)
		}
	})
}

func TestATapThatCannotBeSentIsForgotten(t *testing.T) {
	bench(t, func(a *Agent, l *line, p *plate) {
		l.set(func() { l.slow = time.Hour })
		a.held(t, "uid:32:11223344")
		a.held(t, "uid:32:11223344")
		a.held(t, "uid:32:11223344")
		time.Sleep(10 * time.Second)
		l.set(func() { l.slow = 0 })
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(l.taps) != 0 || len(p.shown) == 0 || p.shown[0] != reader.ShowTrouble {
			t.Errorf("%d taps after the line came back, shown %v", len(l.taps), p.shown)
		}
		a.held(t, "uid:32:11223344")
		synctest.Wait()
		if len(l.taps) != 1 {
			t.Errorf("%d taps", len(l.taps))
		}
	})
}

// R75-2: a card that lies longer than the centre's time is reported from that moment on until it is removed, as one stay, whatever happens to the line.
func TestACardThatIsLeftIsReportedUntilItIsRemoved(t *testing.T) {
	bench(t, func(a *Agent, l *line, _ *plate) {
		a.held(t, "uid:32:11223344")
		time.Sleep(59 * time.Second)
		if got := l.lying(); len(got) != 0 {
			t.Errorf("after 59 s %v lie there", got)
		}
		time.Sleep(2 * time.Second)
		first := l.lying()
		if len(first) != 1 {
			t.Fatalf("after 61 s %v lie there", first)
		}
		l.set(func() { l.down = true })
		time.Sleep(time.Minute)
		l.set(func() { l.down = false })
		time.Sleep(3 * time.Second)
		if again := l.lying(); len(again) != 1 || again[0] != first[0] {
			t.Errorf("another stay: %v, %v", first, again)
		}
		a.Removed("R1")
		time.Sleep(time.Second)
		if got := l.lying(); len(got) != 0 {
			t.Errorf("after the removal %v lie there", got)
		}
		a.held(t, "uid:32:11223344")
		time.Sleep(62 * time.Second)
		if got := l.lying(); len(got) != 1 || got[0] == first[0] {
			t.Errorf("the next stay is %v", got)
		}
	})
}

func TestACardThatLayThereBeforeIsNoTapButIsLeft(t *testing.T) {
	bench(t, func(a *Agent, l *line, _ *plate) {
		a.Lies("R1", card(t, "uid:32:11223344"), time.Now())
		time.Sleep(62 * time.Second)
		synctest.Wait()
		if len(l.taps) != 0 || len(l.lying()) != 1 {
			t.Errorf("%d taps, %v lie there", len(l.taps), l.lying())
		}
	})
}

// R75-2: by a longer time a card that was left is not left any more. When it is again, that is another stay: of the one before it has been told.
func TestACardThatIsLeftByTheNextTimeTooIsAnotherStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := New(Config{Log: slog.New(slog.DiscardHandler)})
		lies := func(watch, after time.Duration) []tap.Stay {
			a.follow(tap.Answer{WatchS: int64(watch / time.Second)})
			time.Sleep(after)
			s, _ := a.status(1, time.Now())
			return s.Stays
		}
		a.Lies("R1", card(t, "uid:32:11223344"), time.Now())
		first := lies(time.Minute, time.Minute)
		if same := lies(time.Minute, time.Second); len(first) != 1 || len(same) != 1 || same[0].ID != first[0].ID {
			t.Fatalf("left %v, then %v", first, same)
		}
		if shorter := lies(30*time.Second, 0); len(shorter) != 1 || shorter[0].ID != first[0].ID {
			t.Errorf("by a shorter time %v", shorter)
		}
		if none := lies(5*time.Minute, 0); len(none) != 0 {
			t.Errorf("by a longer time %v", none)
		}
		if again := lies(5*time.Minute, 4*time.Minute); len(again) != 1 || again[0].ID == first[0].ID {
			t.Errorf("when that is over %v", again)
		}
	})
}

// The stays against a model: a reader's card, since when.
func TestStaysAreWhatLies(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		type lies struct {
			number tap.Number
			since  time.Time
		}
		s, model, ids := stays{}, map[string]lies{}, map[string]bool{}
		now := time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC)
		for range rapid.IntRange(1, 30).Draw(rt, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 40).Draw(rt, "s")) * time.Second)
			r := rapid.SampledFrom([]string{"R1", "R2"}).Draw(rt, "reader")
			if number := tap.Number(rapid.SampledFrom([]string{"a", "b", "", "gone"}).Draw(rt, "card")); number == "gone" {
				s.gone(r)
				delete(model, r)
			} else {
				s.put(r, number, now)
				if there, is := model[r]; !is || there.number != number {
					model[r] = lies{number, now}
				}
			}
			list, next := s.left(now, time.Minute)
			want, due := 0, time.Time{}
			for _, m := range model {
				if age := now.Sub(m.since); age >= time.Minute {
					want++
				} else if at := m.since.Add(time.Minute); due.IsZero() || at.Before(due) {
					due = at
				}
			}
			if len(list) != want || !next.Equal(due) {
				rt.Fatalf("%d left, next %v; want %d, %v", len(list), next, want, due)
			}
			for _, x := range list {
				ids[x.ID] = true
			}
		}
		if list, next := s.left(now, 0); len(list) != 0 || !next.IsZero() {
			rt.Fatal("a desk that does not watch reports")
		}
		for id := range ids {
			if len(id) < 8 {
				rt.Fatalf("stay %q", id)
			}
		}
	})
}
