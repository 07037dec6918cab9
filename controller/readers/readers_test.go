package readers_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kanmon/controller/core"
	"kanmon/controller/readers"
	"kanmon/internal/access"
	"kanmon/internal/event"
	"kanmon/reader"
	"kanmon/reader/credential"
)

type inputs struct {
	mu  sync.Mutex
	all []core.Input
}

func (in *inputs) post(i core.Input) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.all = append(in.all, i)
}

func (in *inputs) take() []core.Input {
	in.mu.Lock()
	defer in.mu.Unlock()
	all := in.all
	in.all = nil
	return all
}

func key(t *testing.T) credential.HashKey {
	t.Helper()
	first, second := make([]byte, 32), make([]byte, 32)
	first[0], second[0] = 1, 2
	k, err := credential.NewHashKeys([][]byte{first, second})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func set(t *testing.T) (*readers.Set, *inputs) {
	t.Helper()
	in, k := &inputs{}, key(t)
	return readers.New(readers.Config{Controller: "ctl-1", Post: in.post, Key: func() credential.HashKey { return k }, Log: slog.New(slog.DiscardHandler)}), in
}

type driver struct {
	run  func(context.Context) error
	show chan reader.Feedback
}

func (d driver) Run(ctx context.Context) error { return d.run(ctx) }

func (d driver) Show(_ context.Context, f reader.Feedback) error {
	d.show <- f
	return nil
}

func TestACardLeavesItsDriverAsHashesAndWithTheTrustThatItsFormatCanProve(t *testing.T) {
	s, in := set(t)
	for _, tt := range []struct {
		written string
		driver  access.Trust
		want    access.Trust
	}{
		{"uid:32:04a1b2c3", access.TrustMutual, access.TrustNumber},
		{"felica:48:fe001a8b3132", access.TrustMemory, access.TrustMemory},
		{"felica:48:fe001a8b3132", access.TrustMutual, access.TrustMemory},
		{"felica:48:fe001a8b3132", "", access.TrustNumber},
		{"text:16:3132", access.TrustMutual, access.TrustNumber},
		{"verdict:16:3132", access.TrustMutual, access.TrustMutual},
	} {
		c, err := credential.Parse(tt.written)
		if err != nil {
			t.Fatal(err)
		}
		s.Present(reader.Presentation{Reader: "PC-1", Credential: c, Trust: tt.driver})
		forms := c.At("ctl-1/PC-1").Forms(key(t))
		got := in.take()[0].(core.Presented)
		if got.Reader != "PC-1" || got.Key != forms[0] || len(got.Older) != 1 || got.Older[0] != forms[1] || got.Trust.Rank() != tt.want.Rank() || got.Shape != c.Shape() {
			t.Errorf("%s by a driver that says %q: %+v", tt.written, tt.driver, got)
		}
	}
}

func TestACardThatCannotBeReadIsSaidAndNeverBecomesANumber(t *testing.T) {
	s, in := set(t)
	_, random := credential.FromUID([]byte{8, 1, 2, 3})
	s.Fail("PC-1", random)
	s.Fail("PC-1", errors.New("the card was taken away"))
	s.Present(reader.Presentation{Reader: "PC-1"})
	var details []string
	for _, i := range in.take() {
		details = append(details, i.(core.ReadFailed).Detail)
	}
	want := []string{
		"credential.random: a UID that the card draws anew each time", "the card was taken away", "credential.none: nothing was read",
	}
	for i := range want {
		if len(details) != 3 || details[i] != want[i] {
			t.Fatalf("%q", details)
		}
	}
}

func TestALeftCardIsSaidOnceAndItsEndOnlyThen(t *testing.T) {
	s, in := set(t)
	s.Removed("PC-1")
	s.Left("PC-1", 20*time.Second)
	s.Removed("PC-2")
	s.Removed("PC-1")
	s.Removed("PC-1")
	var kinds []event.Kind
	for _, i := range in.take() {
		kinds = append(kinds, i.(core.Noted).Event.Kind)
	}
	if len(kinds) != 2 || kinds[0] != event.CardLeft || kinds[1] != event.CardTaken {
		t.Errorf("%v", kinds)
	}
}

// R75-2: the event about a card that is left says which card: the one that was presented and not taken since.
func TestALeftCardIsTheOneThatWasPresented(t *testing.T) {
	s, in := set(t)
	c, err := credential.Parse("uid:32:04a1b2c3")
	if err != nil {
		t.Fatal(err)
	}
	s.Present(reader.Presentation{Reader: "PC-1", Credential: c})
	s.Left("PC-1", time.Minute)
	s.Left("PC-2", time.Minute)
	s.Removed("PC-1")
	s.Left("PC-1", time.Minute)
	want := c.Forms(key(t))
	var of []*core.Presented
	for _, i := range in.take() {
		if n, ok := i.(core.Noted); ok && n.Event.Kind == event.CardLeft {
			of = append(of, n.Card)
		}
	}
	if len(of) != 3 || of[0] == nil || of[0].Key != want[0] || len(of[0].Older) != 1 || of[1] != nil || of[2] != nil {
		t.Errorf("%+v", of)
	}
}

func TestADriverThatEndsOrPanicsIsDownAndBeginsAnewAndTheOthersGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, in := set(t)
		runs := 0
		bad := driver{run: func(context.Context) error {
			if runs++; runs == 1 {
				panic("a bad answer")
			}
			return errors.New("gone")
		}}
		ended := false
		good := driver{show: make(chan reader.Feedback, 1), run: func(ctx context.Context) error {
			<-ctx.Done()
			ended = true
			return nil
		}}
		s.Add("bad", bad)
		s.Add("good", good)
		ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
		defer cancel()
		if err := s.Run(ctx); err != nil || runs != 3 || !ended {
			t.Errorf("%d runs, the other one ended %v (%v)", runs, ended, err)
		}
		if all := in.take(); len(all) != 1 || all[0] != (core.DeviceDown{Device: "bad", Detail: "the driver ended: panic: a bad answer"}) {
			t.Errorf("%v", all)
		}
		if err := s.Show(t.Context(), "good", reader.ShowGranted); err != nil || <-good.show != reader.ShowGranted || s.Has("none") {
			t.Error(err)
		}
		if err := s.Show(t.Context(), "none", reader.ShowGranted); err == nil {
			t.Error("an answer at no reader")
		}
	})
}

// Or a port that is taken would be an event a second in the journal, for as long as it is.
func TestADriverThatCannotBeginIsDownOnceUntilItHasWorked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, in := set(t)
		runs := 0
		s.Add("BIO-1", driver{run: func(context.Context) error {
			if runs++; runs == 10 {
				s.Up("BIO-1")
			}
			return errors.New("the address is in use")
		}})
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		if err := s.Run(ctx); err != nil {
			t.Error(err)
		}
		down := core.DeviceDown{Device: "BIO-1", Detail: "the driver ended: the address is in use"}
		if all := in.take(); len(all) != 3 || all[0] != down || all[1] != (core.DeviceUp{Device: "BIO-1"}) || all[2] != down {
			t.Errorf("%d runs: %v", runs, all)
		}
	})
}
