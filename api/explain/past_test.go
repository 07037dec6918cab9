package explain_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"kanmon/api/explain"
	"kanmon/api/policy"
	"kanmon/internal/access"
	"kanmon/internal/access/decide"
	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/event"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/area"
	"kanmon/lifecycle/area/premises"
	"kanmon/lifecycle/calendar"
	"kanmon/lifecycle/card"
	"kanmon/lifecycle/entrylog"
	"kanmon/lifecycle/lifecycletest"
	"kanmon/lifecycle/period"
	"kanmon/lifecycle/pin"
	"kanmon/lifecycle/profile"
	"kanmon/lifecycle/staff"
)

// doors are two controllers that decide by the policies that the centre really compiles, and record what they did as the real ones do.
type doors struct {
	t      *testing.T
	city   *lifecycletest.City
	rng    *rand.Rand
	policy map[string]*decide.Policy
	seq    map[string]uint64
	made   []taken
	more   string // a further credential of 1002 that comes along
}

// taken is a decision in the log.
type taken struct {
	controller string
	event      event.Event
	doctored   bool
}

func (d *doors) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

// compile brings a controller the policy of now, and keeps what it was made from as the publisher does.
func (d *doors) compile(controller string) {
	ctx := d.t.Context()
	spec, err := policy.New(d.city.Store, access.Lease{}, lifecycletest.Seals(), d.city.Forms).Compile(ctx, controller)
	d.must(err)
	size, err := d.city.Store.Size(ctx)
	d.must(err)
	d.must(d.city.Store.WriteDerived(ctx, "as the publisher", func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO policy_made (controller, epoch, n, size, at) VALUES (?, ?, ?, ?, '') ON CONFLICT (controller, epoch, n) DO NOTHING`,
			controller, int64(spec.Version.Epoch), int64(spec.Version.N), size)
		return err
	}))
	d.policy[controller], err = decide.Compile(spec)
	d.must(err)
}

// append puts an event at the end of a controller's log.
func (d *doors) append(controller string, e event.Event) {
	d.seq[controller]++
	e.Epoch, e.Seq = 1, d.seq[controller]
	raw, err := event.Encode(e)
	d.must(err)
	d.must(d.city.Store.Write(d.t.Context(), store.System("test"), "events", func(tx *store.Tx) error {
		head, err := entrylog.HeadOf(d.t.Context(), tx, controller, 1)
		if err != nil {
			return err
		}
		_, _, err = entrylog.Append(d.t.Context(), tx, controller, head, []event.Event{e}, [][]byte{raw})
		return err
	}))
	d.made = append(d.made, taken{controller: controller, event: e})
}

// decide has somebody come to a reader at some moment, with some facts.
func (d *doors) decide(controller, reader string, key access.Key, number string) {
	p, rng := d.policy[controller], d.rng
	at := time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(rng.IntN(12*24*60)) * time.Minute)
	id := decide.Identify(p, decide.Request{
		Reader: reader, Key: key, NoCard: number != "", Number: number,
		Trust: pick(rng, access.TrustNumber, access.TrustMemory, access.TrustMutual), Shape: access.Shape{Format: access.FormatBits, Bits: 26, Parity: access.ParityRight},
	})
	f := access.Facts{
		Trust: id.Facts().Trust, Shape: id.Facts().Shape, Typed: pick(rng, "", access.TypedRight, access.TypedWrong, access.TypedDuress),
		Gas: rng.IntN(20) == 0, Open: rng.IntN(20) == 0, Blocked: rng.IntN(20) == 0, Place: pick(rng, "", access.Inside, access.Outside),
		Staff: rng.IntN(3), Visitors: rng.IntN(2),
	}
	if rng.IntN(15) == 0 {
		f.Lapsed = f.Lapsed.With(access.Staff)
	}
	e := event.Event{At: at, Unsure: rng.IntN(15) == 0}
	now := at
	if e.Unsure {
		now = time.Time{}
	}
	got := id.Decide(f, now)
	e.Kind, e.Reader, e.Door, e.Area, e.Direction, e.Reason, e.Person, e.Card, e.Facts = event.AccessDenied, reader, got.Door, got.Area, got.Direction, got.Reason, got.Person, got.Card, &got.Facts
	switch {
	case got.Allow:
		e.Kind = event.AccessGranted
	case got.Wait:
		e.Kind = event.AccessPending
	}
	if number == "" && e.Card == "" {
		e.Credential = key.Fingerprint()
	}
	if p != nil {
		v := p.Version()
		e.Policy = &v
	}
	d.append(controller, e)
	if d.rng.IntN(3) == 0 {
		e.Reason = other(e.Reason)
		d.append(controller, e)
		d.made[len(d.made)-1].doctored = true
	}
}

func pick[T any](rng *rand.Rand, from ...T) T { return from[rng.IntN(len(from))] }

// everybody comes to every reader.
func (d *doors) everybody() {
	for _, at := range [][2]string{{"ctl-1", "IN-1"}, {"ctl-1", "OUT-1"}, {"ctl-1", "IN-2"}, {"ctl-2", "IN-1"}, {"ctl-2", "IN-9"}} {
		for _, who := range []string{"1001", "1002", "1003", "stranger", d.more} {
			if who != "" {
				d.decide(at[0], at[1], lifecycletest.Key(who), "")
			}
		}
	}
	d.decide("ctl-1", "IN-1", access.Key{}, "4711")
	d.decide("ctl-1", "IN-1", access.Key{}, "4712")
}

// tell has a controller hear of what was said of cards, ahead of the next policy.
func (d *doors) tell(controller, cardID string, key access.Key, v access.Version, state access.CredentialState) {
	d.policy[controller] = d.policy[controller].Revoke(access.Revocation{Version: v, Key: key, Card: cardID, State: state})
	reason := map[access.CredentialState]access.Reason{access.Revoked: access.CredentialRevoked, access.Suspended: access.CredentialSuspend}[state]
	d.append(controller, event.Event{At: d.city.Clock.Now(), Kind: event.RevocationApplied, Card: cardID, Credential: key.Fingerprint(), Policy: &v, Reason: reason})
}

// changes are what happens to the registers between the policies, each of another kind.
func (d *doors) changes() []func() {
	ctx, city, manager := d.t.Context(), d.city, lifecycletest.Manager
	days := calendar.New(city.Store, city.Approvals)
	cards := map[string]string{}
	for _, no := range []string{"1001", "1002", "1003"} {
		found, err := city.Card.List(ctx, lifecycletest.Guard, card.Filter{Person: no})
		d.must(err)
		cards[no] = found[0].ID
	}
	stop := func(no string, state access.CredentialState, fn func(string) (card.Card, access.Version, error)) func() {
		return func() {
			_, v, err := fn(cards[no])
			d.must(err)
			if no == "1002" { // the entry of the other credential is the last
				d.tell("ctl-1", cards[no], lifecycletest.Key(d.more), v, state)
				v.N--
			}
			d.tell("ctl-1", cards[no], lifecycletest.Key(no), v, state)
			d.everybody() // ctl-2 has not heard
		}
	}
	room := func(rules access.Rules) func() {
		return func() {
			d.must(city.Area.ChangeArea(ctx, manager, "規則", area.Area{ID: "server-room", Name: "電子計算機室", Grade: 1, Record: access.Strict, Owner: "1001", Rules: rules}))
		}
	}
	return []func(){
		func() {},
		func() {
			rights, err := city.Area.Rights(ctx, manager, area.RightFilter{Person: "1001", Area: "archive"})
			d.must(err)
			d.must(city.Area.Withdraw(ctx, manager, rights[0].ID, "異動"))
		},
		func() {
			d.must(city.Area.ChangeSchedule(ctx, manager, "夏時間", area.Schedule{
				ID: "office", Name: "執務時間", Holidays: true, Windows: []access.Window{{Day: 1, From: 420, Until: 700}, {Day: 7, From: 600, Until: 660}},
				Special: []access.SpecialDay{{Date: "2027-04-06", Windows: []access.Span{{From: 0, Until: 1440}}}},
			}))
		},
		func() {
			_, err := days.Extend(ctx, store.System("calendar"), city.Clock.Now())
			d.must(err)
		},
		func() {
			d.must(days.Put(ctx, manager, "創立記念日", calendar.Own{Date: "2027-04-05", Kind: calendar.Closed, Name: "創立記念日"}))
		},
		func() {
			d.more = "1002 by another reader"
			d.everybody() // no door knows it yet
			_, err := city.Card.Enrol(ctx, manager, cards["1002"], "", card.Read{Key: lifecycletest.Key(d.more), Format: "idm"})
			d.must(err)
		},
		stop("1002", access.Suspended, func(id string) (card.Card, access.Version, error) {
			return city.Card.Suspend(ctx, lifecycletest.Guard, id, "紛失", time.Time{})
		}),
		stop("1002", access.Active, func(id string) (card.Card, access.Version, error) { return city.Card.Lift(ctx, manager, id, "発見") }),
		func() {
			all, err := city.Card.Credentials(ctx, manager, cards["1002"])
			d.must(err)
			_, err = city.Card.End(ctx, manager, cards["1002"], all[1].ID, "取り違え")
			d.must(err)
			d.more = ""
		},
		func() {
			d.must(city.Profiles.Set(ctx, manager, "検収", profile.Profile{Controller: "ctl-1", Reader: "IN-1", Trust: access.TrustMutual, Frames: []access.Frame{{Format: "bits"}, {Format: "idm"}}}))
			d.must(city.Profiles.Set(ctx, manager, "検収", profile.Profile{Controller: "ctl-2", Reader: "IN-1", Trust: access.TrustMemory, Frames: []access.Frame{{Format: "idm"}}}))
		},
		func() {
			d.must(city.Profiles.Set(ctx, manager, "交換", profile.Profile{Controller: "ctl-2", Reader: "IN-1", Trust: access.TrustNumber, Frames: []access.Frame{{Format: "bits", Bits: 26, Parity: true}}}))
		},
		func() { d.must(city.Lockdowns.Begin(ctx, lifecycletest.Guard, "archive", "不審者")) },
		func() { d.must(city.Lockdowns.Lift(ctx, manager, "archive", "解除")) },
		func() {
			_, err := city.Staff.Add(ctx, manager, staff.Details{No: "2001", Name: "復旧", Number: "4711"})
			d.must(err)
			for _, no := range []string{"1002", "2001"} {
				_, err = city.PIN.Set(ctx, manager, pin.Order{Person: no, Reason: "新規", After: pin.NotAsked})
				d.must(err)
			}
			_, err = city.Area.Grant(ctx, manager, "2001", "server-room", "", period.Period{})
			d.must(err)
			_, err = city.Area.Grant(ctx, manager, "1002", "server-room", "office", period.Period{Until: time.Date(2027, 4, 8, 0, 0, 0, 0, time.UTC)})
			d.must(err)
		},
		room(access.Rules{Factors: access.FactorsCardPIN, Trust: access.TrustMemory, InOut: true, Passback: access.PassbackHard, Recovery: []string{"1001", "2001"}}),
		room(access.Rules{Factors: access.FactorsCardPIN, InOut: true, Passback: access.PassbackHard, Recovery: []string{"1001", "2001"}}),
		room(access.Rules{Factors: access.FactorsTwoCards, InOut: true, TwoPerson: true, Most: 3}),
		func() {
			_, err := city.Staff.Change(ctx, manager, "1003", "委託", staff.Details{Name: "高橋 次郎", Class: access.Visitor})
			d.must(err)
			_, err = city.Area.Grant(ctx, manager, "1003", "archive", "", period.Period{})
			d.must(err)
		},
		stop("1001", access.Revoked, func(id string) (card.Card, access.Version, error) {
			return city.Card.Revoke(ctx, manager, id, "退職", time.Time{})
		}),
		func() {
			d.must(city.Grades.Set(ctx, manager, "番号", premises.Least{Grade: 1, Factors: access.FactorsPIN, Trust: access.TrustNumber}))
			room(access.Rules{Factors: access.FactorsNumber, InOut: true})()
		},
	}
}

// R43-7: whatever the registers say today, a past decision is made again from what they said then, and agrees; one with another reason does not.
func TestEveryPastDecisionIsMadeAgainAndAgrees(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, database *db.DB) {
		city := lifecycletest.Open(t, database)
		city.Found(t)
		d := &doors{t: t, city: city, rng: rand.New(rand.NewPCG(1, 2)), policy: map[string]*decide.Policy{}, seq: map[string]uint64{}}
		d.everybody() // without any policy
		for _, change := range d.changes() {
			change()
			city.Clock.Pass(time.Minute)
			d.compile("ctl-1")
			d.everybody() // ctl-2 still has the one before
			d.compile("ctl-2")
			d.everybody()
		}
		d.check()
	})
}

func other(r access.Reason) access.Reason {
	if r == access.NoRight {
		return access.Granted
	}
	return access.NoRight
}

func (d *doors) check() {
	d.t.Helper()
	x := explain.New(d.city.Store, d.city.Forms)
	reasons := map[access.Reason]int{}
	entries := d.entries()
	for _, was := range d.made {
		id := entries[fmt.Sprint(was.controller, " ", was.event.Seq)]
		past, err := x.Past(d.t.Context(), lifecycletest.Guard, id)
		d.must(err)
		want := explain.Agrees
		switch {
		case was.event.Kind == event.RevocationApplied:
			want = explain.NoDecision
		case was.doctored:
			want = explain.Differs
		default:
			reasons[was.event.Reason]++
		}
		if past.State != want {
			d.t.Errorf("entry %d of %s, policy %v: %s, want %s; recorded %s %s of %q, made again %+v", id, was.controller, was.event.Policy,
				past.State, want, was.event.Kind, was.event.Reason, was.event.Person, past.Made)
			return
		}
	}
	if len(reasons) < 18 {
		d.t.Errorf("only %d reasons came up: %v", len(reasons), reasons)
	}
	d.t.Logf("%d events, reasons %v", len(d.made), reasons)
}

// entries are the ids of the log by controller and number.
func (d *doors) entries() map[string]int64 {
	ids := map[string]int64{}
	var after int64 = 1
	for {
		page, err := d.city.Entries.List(d.t.Context(), lifecycletest.Guard, entrylog.Filter{AfterID: after, Limit: 500})
		d.must(err)
		if len(page) == 0 {
			return ids
		}
		for _, e := range page {
			ids[fmt.Sprint(e.Controller, " ", e.Seq)] = e.ID
			after = e.ID
		}
	}
}

// What cannot be known is said, not guessed.
func TestADecisionByAPolicyOfWhichNothingWasKeptIsNotMadeAgain(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, database *db.DB) {
		city := lifecycletest.Open(t, database)
		city.Found(t)
		d := &doors{t: t, city: city, rng: rand.New(rand.NewPCG(1, 2)), policy: map[string]*decide.Policy{}, seq: map[string]uint64{}}
		x := explain.New(city.Store, city.Forms)
		d.append("ctl-1", event.Event{At: city.Clock.Now(), Kind: event.AccessDenied, Reader: "IN-1", Reason: access.NoRight, Policy: &access.Version{Epoch: 1, N: 1}, Facts: &access.Facts{}})
		past, err := x.Past(t.Context(), lifecycletest.Guard, d.entries()["ctl-1 1"])
		if err != nil || past.State != explain.NotKept || past.Checks != nil {
			t.Errorf("%+v, %v", past, err)
		}
		if _, err := x.Past(t.Context(), lifecycletest.Guard, 1); fault.KindOf(err) != fault.NotFound {
			t.Errorf("an entry that is not there: %v", err)
		}
		if _, err := x.Past(t.Context(), lifecycletest.Nobody, 1); fault.KindOf(err) != fault.Denied {
			t.Errorf("somebody who may not: %v", err)
		}
	})
}
