package consoletest

import (
	"cmp"
	"context"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/event"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/entrylog"
	"kanmon/lifecycle/revocation"
)

// Revocations is a register of revocations in memory: a card was suspended, found again, and in the end revoked, which two of three
// controllers have confirmed.
type Revocations struct {
	Hostile string
	Back    bool // the third has confirmed too
	Nobody  bool // there is no controller
	Lapsed  bool // the lease of the third is over
	Differs bool // another set is in force at the third
}

// Action is when the card was revoked: 02:58:11.204 in Japan.
var Action = Now.Add(-4*time.Minute - 30*time.Second + 204*time.Millisecond)

func (r Revocations) items() []revocation.Item {
	lost := time.Date(2026, 9, 17, 12, 0, 0, 0, time.UTC)
	card := revocation.Item{
		Card: "C-AAAAAAAAAA", Label: cmp.Or(r.Hostile, "T-001"), Person: "S-1001", PersonName: cmp.Or(r.Hostile, "佐藤 花子"), Actor: "account:guard",
		Confirmed: 3, Targets: 3, LostAt: lost,
	}
	out := []revocation.Item{card, card, card}
	out[0].Version, out[0].State, out[0].At, out[0].Actor, out[0].Reason = version(3), access.Revoked, Action, "account:yamada", cmp.Or(r.Hostile, "紛失（通勤途中）")
	out[1].Version, out[1].State, out[1].At, out[1].LostAt, out[1].Reason = version(2), access.Active, Action.Add(-30*24*time.Hour), time.Time{}, "見つかった"
	out[2].Version, out[2].State, out[2].At, out[2].Reason = version(1), access.Suspended, Action.Add(-31*24*time.Hour), "見当たらない"
	if !r.Back {
		out[0].Confirmed = 2
	}
	if r.Nobody {
		out[0].Confirmed, out[0].Targets = 0, 0
	}
	return out
}

func version(n uint64) access.Version { return access.Version{Epoch: 1, N: n} }

// List implements revocations.Revocations.
func (r Revocations) List(_ context.Context, _ store.Actor, f revocation.Filter) ([]revocation.Item, error) {
	var out []revocation.Item
	for _, i := range r.items() {
		if (f.Card == "" || f.Card == i.Card) && (f.Before == access.Version{} || i.Version.Less(f.Before)) {
			out = append(out, i)
		}
	}
	return out[:min(cmp.Or(f.Limit, 100), len(out))], nil
}

// Receipt implements revocations.Revocations.
func (r Revocations) Receipt(_ context.Context, _ store.Actor, v access.Version) (revocation.Receipt, error) {
	for _, i := range r.items() {
		if i.Version == v {
			return revocation.Receipt{Item: i, Doors: r.lines(i), Uses: r.uses(i)}, nil
		}
	}
	return revocation.Receipt{}, fault.New(fault.NotFound, "revocation.unknown", "no such revocation")
}

func (r Revocations) lines(i revocation.Item) []revocation.ControllerLine {
	if i.Targets == 0 {
		return nil
	}
	lines := []revocation.ControllerLine{
		{Controller: "ctl-1", Place: "本庁舎3階 電気室", Doors: []string{"書庫 入口", cmp.Or(r.Hostile, "電子計算機室 正面扉")}, Online: true},
		{Controller: "ctl-2", Place: "文書館", Doors: []string{"文書館 通用口"}},
		{Controller: "ctl-3", Place: cmp.Or(r.Hostile, "別館"), Doors: []string{"別館 玄関", "別館 倉庫"}, Online: true},
	}
	for n := range lines {
		l, took := &lines[n], time.Duration(n)*3*time.Millisecond
		if n == 1 && i.Confirmed < 3 {
			l.LeaseEnds = Now.Add(63*time.Hour + 20*time.Minute)
			if r.Lapsed {
				l.LeaseEnds = Now.Add(-time.Hour)
			}
			continue
		}
		l.Differs = r.Differs && n == 2
		l.Confirmed, l.Signature, l.Payload = true, "9f2c41d07ab35e18", []byte("signed")
		l.PublishedAt, l.AppliedAt, l.ReceivedAt = i.At.Add(1100*time.Microsecond), i.At.Add(2400*time.Microsecond+took), i.At.Add(5900*time.Microsecond+took)
	}
	return lines
}

func (r Revocations) uses(i revocation.Item) []entrylog.Entry {
	if i.State != access.Revoked {
		return nil
	}
	use := entrylog.Entry{Card: i.Card, Door: "D-2", DoorName: cmp.Or(r.Hostile, "書庫 入口"), Area: "A-2", AreaName: "書庫", Direction: access.In}
	denied, in, out := use, use, use
	denied.Kind, denied.Reason, denied.At = event.AccessDenied, access.CredentialRevoked, Action.Add(2*time.Minute)
	out.Kind, out.Reason, out.At, out.Direction = event.AccessGranted, access.Granted, Action.Add(-3*time.Hour), access.Out
	in.Kind, in.Reason, in.At = event.AccessGranted, access.Granted, Action.Add(-3*time.Hour-14*time.Minute)
	return []entrylog.Entry{denied, out, in}
}

// Standing implements devices.Devices' neighbour: what every controller should have.
func (Revocations) Standing(context.Context, store.Actor) (access.Version, string, error) {
	return version(3), "c0ffee5e7", nil
}
