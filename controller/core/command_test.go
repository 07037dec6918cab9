package core

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"kanmon/controller/challenge"
	"kanmon/internal/access"
	"kanmon/internal/event"
	"kanmon/internal/wire"
)

func ask(id, fresh string) Commanded {
	return Commanded{Command: wire.DoCommand{V: wire.V, Type: wire.Command, ID: id, Op: wire.Challenge}, Fresh: fresh}
}

func release(id, nonce, door string) Commanded {
	return Commanded{Command: wire.DoCommand{
		V: wire.V, Type: wire.Command, ID: id, Op: wire.Release, Nonce: nonce, Door: door, By: "U-1", Reason: "搬入",
	}}
}

func answered(a wire.CommandAnswer) Answer {
	a.V, a.Type = wire.V, wire.Answer
	return Answer{a}
}

// R47-1, R84-1: a release by command goes the way of a card: on record, then the strike, then the answer.
func TestARemoteReleaseIsOnDiskBeforeTheStrike(t *testing.T) {
	d := newDesk(t, sitePolicy(t, 1))
	d.did()
	d.step(ask("c-1", "n1"))
	d.expect(answered(wire.CommandAnswer{ID: "c-1", Nonce: "n1"}))
	d.step(release("c-1", "n1", "D-1"))
	d.expect()
	d.answer(nil)
	d.expect(Strike{Door: "D-1", For: 5 * time.Second}, answered(wire.CommandAnswer{ID: "c-1", Done: true}))
	e := d.last()
	if e.Kind != event.RemoteRelease || e.Door != "D-1" || e.Area != "A-1" || e.Detail != "by U-1: 搬入 [c-1]" || e.Person != "" || e.Card != "" {
		t.Fatalf("recorded %+v", e)
	}
	d.step(release("c-1", "n1", "D-1")) // doubled by the broker
	d.expect(answered(wire.CommandAnswer{ID: "c-1", Done: true}))
	if len(d.records) != 0 {
		t.Fatalf("recorded again: %+v", d.records)
	}
}

// M-6, M-7: late, again, of another run, for another command, for no door of ours: refused with a code, and an alarm.
func TestACommandThatDoesNotHoldIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		before []Input
		wait   time.Duration
		in     Commanded
		code   string
	}{
		"never asked":          {nil, 0, release("c-1", "n1", "D-1"), challenge.UnknownNonce},
		"another nonce":        {[]Input{ask("c-1", "n1")}, 0, release("c-1", "n2", "D-1"), challenge.UnknownNonce},
		"another command's":    {[]Input{ask("c-1", "n1"), ask("c-2", "n2")}, 0, release("c-1", "n2", "D-1"), challenge.UnknownNonce},
		"held back 10 seconds": {[]Input{ask("c-1", "n1")}, wire.CommandTime, release("c-1", "n1", "D-1"), challenge.TooLate},
		"no such door":         {[]Input{ask("c-1", "n1")}, 0, release("c-1", "n1", "D-7"), challenge.UnknownDoor},
		"not wired here":       {[]Input{ask("c-1", "n1")}, 0, release("c-1", "n1", "D-9"), challenge.UnknownDoor},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, sitePolicy(t, 1))
			for _, in := range c.before {
				d.step(in)
			}
			d.now.Mono += c.wait // and the wall clock goes back as far as it likes
			d.now.Wall = d.now.Wall.Add(-c.wait)
			d.did()
			d.step(c.in)
			d.expect(answered(wire.CommandAnswer{ID: "c-1", Refused: c.code}))
			d.answer(nil)
			d.expect()
			if e := d.last(); e.Kind != event.CommandRefused || !strings.HasPrefix(e.Detail, c.code) || !strings.Contains(e.Detail, "c-1") {
				t.Fatalf("recorded %+v", e)
			}
			d.step(c.in) // again
			d.answer(nil)
			if slices.ContainsFunc(d.did(), func(e Effect) bool { _, strike := e.(Strike); return strike }) {
				t.Fatal("obeyed at the second try")
			}
		})
	}
}

// After a restart no nonce is known.
func TestARestartForgetsEveryNonce(t *testing.T) {
	d := newDesk(t, sitePolicy(t, 1))
	d.step(ask("c-1", "n1"))
	d = newDesk(t, sitePolicy(t, 1))
	d.did()
	d.step(release("c-1", "n1", "D-1"))
	d.expect(answered(wire.CommandAnswer{ID: "c-1", Refused: challenge.UnknownNonce}))
}

func TestAReleaseThatCannotBeRecordedGoesByTheAreasMode(t *testing.T) {
	d := newDesk(t, sitePolicy(t, 1))
	d.did()
	d.step(ask("c-1", "n1"))
	d.step(release("c-1", "n1", "D-1"))
	d.did()
	d.answer(errDisk)
	d.expect(answered(wire.CommandAnswer{ID: "c-1", Refused: challenge.NotRecorded}))
	d.step(ask("c-2", "n2"))
	d.step(release("c-2", "n2", "D-2"))
	d.did()
	d.answer(errDisk)
	d.expect(Strike{Door: "D-2", For: 3 * time.Second}, answered(wire.CommandAnswer{ID: "c-2", Done: true}))
	d.pass(RetryRecord)
	d.answer(nil)
	var kinds []event.Kind
	for _, e := range d.onDisk {
		if e.Kind == event.CommandRefused && e.Reason != access.NotRecorded {
			t.Fatalf("recorded %+v", e)
		}
		kinds = append(kinds, e.Kind)
	}
	if !slices.Contains(kinds, event.CommandRefused) || !slices.Contains(kinds, event.RemoteRelease) {
		t.Fatalf("on disk %v", kinds)
	}
}

// Rubbish from the broker does not fill the journal.
func TestRefusalsAreAFewEventsAMinute(t *testing.T) {
	d := newDesk(t, sitePolicy(t, 1))
	d.onDisk = nil
	for i := range 600 {
		d.now.Mono += 100 * time.Millisecond
		d.step(CommandRejected{fmt.Sprint("unsigned ", i)})
		d.step(release("c-1", "n1", "D-1"))
		d.step(PolicyRejected{fmt.Sprint("unsigned ", i)})
		d.answer(nil)
	}
	n := map[event.Kind]int{}
	for _, e := range d.onDisk {
		n[e.Kind]++
	}
	if n[event.CommandRefused] < 3 || n[event.CommandRefused] > 6 || n[event.PolicyRefused] > 6 {
		t.Fatalf("events %v", n)
	}
	if !slices.ContainsFunc(d.onDisk, func(e event.Event) bool { return strings.Contains(e.Detail, "more before") }) {
		t.Fatalf("the rest is not told of: %+v", d.onDisk)
	}
}

func TestALongReasonNeverHidesWhichCommandItWas(t *testing.T) {
	c := release(strings.Repeat("c", 64), "n1", "D-1").Command
	c.By, c.Reason = strings.Repeat("u", access.MaxID), strings.Repeat("理由", 300)
	if got := c.Told(event.MaxDetail); len(got) > event.MaxDetail || !strings.HasSuffix(got, c.ID+"]") || !strings.Contains(got, "理由") {
		t.Fatalf("%d bytes: %s", len(got), got)
	}
}

func TestACertificateThatEndsIsAnAlarm(t *testing.T) {
	d := newDesk(t, sitePolicy(t, 1))
	d.step(Noted{Event: event.Event{Kind: event.CertificateWarning, Detail: "7 days left"}})
	d.answer(nil)
	if e := d.last(); e.Kind != event.CertificateWarning || e.Detail != "7 days left" {
		t.Fatalf("recorded %+v", e)
	}
}
