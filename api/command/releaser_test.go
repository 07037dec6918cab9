package command_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"kanmon/api/command"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
	"kanmon/internal/wire"
	orders "kanmon/lifecycle/command"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/lifecycletest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// box is a controller at the other end: what it answers to each command.
type box struct {
	t      *testing.T
	answer func(c wire.DoCommand) []wire.CommandAnswer
	to     *command.Releaser

	mu   sync.Mutex
	seen []wire.DoCommand
	from string // the name it answers under; empty: its own
}

func (b *box) publish(_ context.Context, topic string, payload []byte) error {
	at, err := wire.ParseTopic(topic)
	if err != nil {
		b.t.Error(err)
	}
	c, err := wire.OpenCommand(at, payload, wire.OneKey(lifecycletest.CentreSigner().Public()))
	if err != nil {
		b.t.Error(err)
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.seen = append(b.seen, c)
	name := at.Controller
	if b.from != "" {
		name = b.from
	}
	for _, a := range b.answer(c) {
		b.to.Answer(name, a)
	}
	return nil
}

func nonceOf(c wire.DoCommand) string { return fmt.Sprintf("%032x", len(c.ID)) }

// honest does what it is told.
func honest(c wire.DoCommand) []wire.CommandAnswer {
	a := wire.CommandAnswer{V: wire.V, Type: wire.Answer, ID: c.ID}
	if c.Op == wire.Challenge {
		a.Nonce = nonceOf(c)
	} else {
		a.Done = true
	}
	return []wire.CommandAnswer{a}
}

func open(t *testing.T, answer func(wire.DoCommand) []wire.CommandAnswer) (*lifecycletest.City, *command.Releaser, *box) {
	t.Helper()
	city := lifecycletest.Open(t, dbtest.SQLite(t))
	city.Found(t)
	for _, name := range []string{"ctl-1", "ctl-2"} {
		if _, err := city.Device.RecordStatus(t.Context(), name, device.Status{Online: true, Start: 1, N: 1}, city.Clock.Now()); err != nil {
			t.Fatal(err)
		}
	}
	b := &box{t: t, answer: answer}
	b.to = command.New(command.Config{
		Site: "demo", Commands: orders.New(city.Store), Signer: lifecycletest.CentreSigner(), Publish: b.publish, Log: slog.New(slog.DiscardHandler),
	})
	return city, b.to, b
}

func recorded(t *testing.T, city *lifecycletest.City) orders.Command {
	t.Helper()
	list, err := orders.New(city.Store).List(t.Context(), lifecycletest.Guard, orders.Filter{})
	if err != nil || len(list) == 0 {
		t.Fatalf("commands %+v, %v", list, err)
	}
	return list[0]
}

// M-6: a command is bound to a nonce that its controller has just made, and says who gave it and why.
func TestADoorIsReleasedWithTheNonceItsControllerMade(t *testing.T) {
	city, r, b := open(t, honest)
	out, err := r.Release(t.Context(), lifecycletest.Manager, "D-3", "救急隊")
	if err != nil || !out.Done || out.Refused != "" || out.Command == "" {
		t.Fatalf("%+v, %v", out, err)
	}
	if len(b.seen) != 2 || b.seen[0].Op != wire.Challenge || b.seen[0].ID != out.Command {
		t.Fatalf("sent %+v", b.seen)
	}
	want := wire.DoCommand{
		V: wire.V, Type: wire.Command, ID: out.Command, Op: wire.Release, Nonce: nonceOf(b.seen[1]), Door: "D-3", By: "account:manager", Reason: "救急隊",
	}
	if b.seen[1] != want {
		t.Fatalf("sent %+v, want %+v", b.seen[1], want)
	}
	if c := recorded(t, city); c.ID != out.Command || c.Outcome != orders.Done || c.Controller != "ctl-2" || c.Took != out.Took.Truncate(time.Microsecond) {
		t.Fatalf("recorded %+v", c)
	}
}

func TestARefusalIsSaidAndRecorded(t *testing.T) {
	for name, op := range map[string]wire.Op{"of the challenge": wire.Challenge, "of the release": wire.Release} {
		t.Run(name, func(t *testing.T) {
			city, r, _ := open(t, func(c wire.DoCommand) []wire.CommandAnswer {
				if c.Op == op {
					return []wire.CommandAnswer{{V: wire.V, Type: wire.Answer, ID: c.ID, Refused: "not_recorded"}}
				}
				return honest(c)
			})
			out, err := r.Release(t.Context(), lifecycletest.Manager, "D-1", "x")
			if err != nil || out.Done || out.Refused != "not_recorded" {
				t.Fatalf("%+v, %v", out, err)
			}
			if c := recorded(t, city); c.Outcome != orders.Refused || c.Detail != "not_recorded" {
				t.Fatalf("recorded %+v", c)
			}
		})
	}
}

func TestOnlyTheDoorsOwnControllerAnswersItsCommand(t *testing.T) {
	_, r, b := open(t, honest)
	b.from = "ctl-2"
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := r.Release(ctx, lifecycletest.Manager, "D-1", "x")
	lifecycletest.WantFault(t, err, fault.Unavailable, "command.no_answer")
	if len(b.seen) != 1 {
		t.Fatalf("a nonce of another controller was used: %+v", b.seen)
	}
}

// A second nonce, an early "done" or anything out of turn does not count for the step that waits.
func TestAnswersOutOfTurnArePassedOver(t *testing.T) {
	_, r, b := open(t, func(c wire.DoCommand) []wire.CommandAnswer {
		if c.Op == wire.Challenge {
			return append([]wire.CommandAnswer{{V: wire.V, Type: wire.Answer, ID: c.ID, Done: true}}, honest(c)...)
		}
		return append([]wire.CommandAnswer{{V: wire.V, Type: wire.Answer, ID: c.ID, Nonce: strings.Repeat("0", 32)}}, honest(c)...)
	})
	out, err := r.Release(t.Context(), lifecycletest.Manager, "D-1", "x")
	if err != nil || !out.Done || b.seen[1].Nonce != nonceOf(b.seen[1]) {
		t.Fatalf("%+v, %v", out, err)
	}
}

func TestSilenceEndsInTimeAndIsOnRecord(t *testing.T) {
	for name, c := range map[string]struct {
		silent wire.Op
		most   time.Duration
	}{"no nonce": {wire.Challenge, 5 * time.Second}, "no answer to the release": {wire.Release, 10 * time.Second}} {
		t.Run(name, func(t *testing.T) {
			city, r, _ := open(t, func(cmd wire.DoCommand) []wire.CommandAnswer {
				if cmd.Op == c.silent {
					return nil
				}
				return honest(cmd)
			})
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				_, err := r.Release(context.Background(), lifecycletest.Manager, "D-1", "x")
				if fault.CodeOf(err) != "command.no_answer" || time.Since(began) > c.most || time.Since(began) < c.most/2 {
					t.Errorf("%v after %v", err, time.Since(began))
				}
			})
			if got := recorded(t, city); got.Outcome != orders.Unanswered {
				t.Fatalf("recorded %+v", got)
			}
		})
	}
}

func TestManyDoorsAtOnceEachGetTheirOwnAnswer(t *testing.T) {
	_, r, _ := open(t, honest)
	var all sync.WaitGroup
	for i := range 24 {
		all.Go(func() {
			out, err := r.Release(t.Context(), lifecycletest.Manager, fmt.Sprint("D-", 1+i%3), "x")
			if err != nil || !out.Done {
				t.Errorf("%+v, %v", out, err)
			}
		})
	}
	all.Wait()
}

func TestABrokerThatIsAwayIsSaidAtOnce(t *testing.T) {
	city, _, _ := open(t, honest)
	r := command.New(command.Config{
		Site: "demo", Commands: orders.New(city.Store), Signer: lifecycletest.CentreSigner(), Log: slog.New(slog.DiscardHandler),
		Publish: func(context.Context, string, []byte) error {
			return fault.New(fault.Unavailable, "mqtt.offline", "cut")
		},
	})
	_, err := r.Release(t.Context(), lifecycletest.Manager, "D-1", "x")
	lifecycletest.WantFault(t, err, fault.Unavailable, "command.no_answer")
	if c := recorded(t, city); c.Outcome != orders.Unanswered {
		t.Fatalf("recorded %+v", c)
	}
}

// R43-2: each controller of the area is told with a nonce of its own, whom to forget, by whom and why.
func TestAllControllersOfAnAreaForgetAPerson(t *testing.T) {
	_, r, b := open(t, honest)
	all, err := r.Forget(t.Context(), lifecycletest.Manager, "archive", "1002", "非常口から退室")
	if err != nil || len(all) != 2 || !all[0].Done || !all[1].Done || all[0].Controller != "ctl-1" || all[1].Controller != "ctl-2" {
		t.Fatalf("%+v, %v", all, err)
	}
	told := map[string]wire.DoCommand{}
	for _, c := range b.seen {
		if c.Op != wire.Challenge {
			told[c.ID] = c
		}
	}
	for _, out := range all {
		want := wire.DoCommand{
			V: wire.V, Type: wire.Command, ID: out.Command, Op: wire.Forget, Nonce: nonceOf(wire.DoCommand{ID: out.Command}), Area: "archive", Person: "1002",
			By: "account:manager", Reason: "非常口から退室",
		}
		if told[out.Command] != want {
			t.Errorf("sent %+v, want %+v", told[out.Command], want)
		}
	}
}

func TestOneSilentControllerIsSaidAndTheOtherIsOnRecord(t *testing.T) {
	var first atomic.Value
	city, r, _ := open(t, func(c wire.DoCommand) []wire.CommandAnswer {
		first.CompareAndSwap(nil, c.ID)
		if first.Load() == c.ID {
			return honest(c)
		}
		return nil
	})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	all, err := r.Forget(ctx, lifecycletest.Manager, "archive", "", "避難訓練")
	lifecycletest.WantFault(t, err, fault.Unavailable, "command.no_answer")
	if len(all) != 2 || all[0].Done == all[1].Done {
		t.Fatalf("%+v", all)
	}
	list, err := orders.New(city.Store).List(t.Context(), lifecycletest.Guard, orders.Filter{Area: "archive"})
	if err != nil || len(list) != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	want := map[string]orders.Outcome{}
	for _, out := range all {
		want[out.Command] = orders.Unanswered
		if out.Done {
			want[out.Command] = orders.Done
		}
	}
	for _, c := range list {
		if c.Outcome != want[c.ID] {
			t.Errorf("recorded %+v, want %s", c, want[c.ID])
		}
	}
}
