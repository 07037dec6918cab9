// Package desktest stands in for the desks behind the console's pages.
package desktest

import (
	"context"
	"time"

	"kanmon/api/console/consoletest"
	seat "kanmon/api/desk"
	"kanmon/internal/fault"
	"kanmon/internal/pki"
	"kanmon/internal/store"
	"kanmon/internal/tap"
	"kanmon/lifecycle/desk"
)

// Desks is a register of desks in memory, and the desks themselves.
type Desks struct {
	All  []desk.Desk
	Left []desk.Lying
	Last desk.Details // what was entered last
	Act  string       // what was done last, with its reason
	Fail error

	Up        map[string]bool // which are there
	Questions seat.Questions
	Asked     chan *seat.Question // receives each question
	Taps      map[string]seat.Tap // by id, of the visitor yamada
	Used      []string
	Without   bool // the centre has no port for them
}

// SomeDesks are two at counters, of which one is there and has a card lying in its reader, one that was thrown out, and a new one.
func SomeDesks(hostile string) *Desks {
	place := func(s string) string {
		if hostile != "" {
			return hostile
		}
		return s
	}
	d := &Desks{Up: map[string]bool{"front-1": true}, Taps: map[string]seat.Tap{}, Asked: make(chan *seat.Question, 1)}
	one := func(name, at string, s desk.State) desk.Desk {
		return desk.Desk{
			Name: name, Details: desk.Details{Place: place(at), Watch: 5 * time.Minute, Accepts: []string{"felica", "idm"}}, State: s, Version: 3,
			KeyID: "5e21a8d4", Fingerprint: "1f2e 3d4c", Serial: "17", Issued: consoletest.Now.AddDate(0, -1, 0), Until: consoletest.Now.AddDate(0, 5, 0),
		}
	}
	gone := one("old-1", "旧館 受付", desk.Revoked)
	gone.RevokedAt, gone.RevokedReason = consoletest.Now.AddDate(0, 0, -2), place("盗難")
	fresh := desk.Desk{Name: "side-1", Details: desk.Details{Place: place("別館 受付")}, State: desk.Registered, Version: 2, TokenUntil: consoletest.Now.Add(time.Hour)}
	d.All = []desk.Desk{one("front-1", "市民課 3番窓口", desk.Enrolled), one("guard-1", "守衛室", desk.Enrolled), gone, fresh}
	d.Left = []desk.Lying{
		{Desk: "front-1", Stay: "STAY00001", Card: "C-AAAAAAAAAA", Label: "T-001", Since: consoletest.Now.Add(-9 * time.Minute)},
		{Desk: "front-1", Stay: "STAY00002", Since: consoletest.Now.Add(-7 * time.Minute)},
	}
	return d
}

// List implements desks.Desks.
func (d *Desks) List(context.Context, store.Actor) ([]desk.Desk, error) { return d.All, nil }

// Get implements desks.Desks.
func (d *Desks) Get(_ context.Context, _ store.Actor, name string) (desk.Desk, error) {
	for _, x := range d.All {
		if x.Name == name {
			return x, nil
		}
	}
	return desk.Desk{}, fault.New(fault.NotFound, "desk.unknown", "no such desk")
}

// Lying implements desks.Desks.
func (d *Desks) Lying(context.Context, store.Actor) ([]desk.Lying, error) { return d.Left, nil }

// Add implements desks.Desks.
func (d *Desks) Add(_ context.Context, _ store.Actor, name string, n desk.Details) error {
	d.Last, d.Act = n, "add "+name
	return d.Fail
}

// Change implements desks.Desks.
func (d *Desks) Change(_ context.Context, _ store.Actor, name, reason string, n desk.Details) error {
	d.Last, d.Act = n, "change "+name+": "+reason
	return d.Fail
}

// Revoke implements desks.Desks.
func (d *Desks) Revoke(_ context.Context, _ store.Actor, name, reason string) error {
	d.Act = "revoke " + name + ": " + reason
	return d.Fail
}

// On implements desks.Seats.
func (d *Desks) On() bool { return !d.Without }

// Seen implements desks.Seats.
func (d *Desks) Seen(name string) (seat.Seen, bool) {
	if !d.Up[name] {
		return seat.Seen{}, false
	}
	return seat.Seen{At: consoletest.Now.Add(-4 * time.Second), Software: "kanmon-desk 4.1.0", Readers: []tap.Reader{{Name: "R1", Up: true}}}, true
}

// Token implements desks.Seats.
func (d *Desks) Token(ctx context.Context, actor store.Actor, _ string) (pki.Token, time.Time, error) {
	return consoletest.Enrolment{}.Token(ctx, actor, "ctl-5")
}

// Fingerprint implements desks.Seats.
func (d *Desks) Fingerprint() string { return consoletest.Enrolment{}.Fingerprint() }

// Ask implements taps.Seats.
func (d *Desks) Ask(account, name string) (*seat.Question, error) {
	q, err := d.Questions.Ask(consoletest.Now, account, name)
	if err == nil {
		d.Asked <- q
	}
	return q, err
}

// End implements taps.Seats.
func (d *Desks) End(q *seat.Question) { d.Questions.End(q) }

// Read implements taps.Seats.
func (d *Desks) Read(account, id string) (seat.Tap, error) {
	t, is := d.Taps[id]
	if !is || account != "yamada" {
		return seat.Tap{}, fault.BadField("tap", "desk.tap_gone", "no such tap")
	}
	return t, nil
}

// Done implements taps.Seats.
func (d *Desks) Done(id string) { d.Used = append(d.Used, id) }
