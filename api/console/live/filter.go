package live

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"strconv"

	"kanmon/internal/event"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/entrylog"
)

// What a row is, and what a list can be narrowed to.
const (
	showGranted = "granted"
	showDenied  = "denied"
	showAlarm   = "alarm"
	showOther   = "other"
)

func shows() []string { return []string{showGranted, showDenied, showAlarm, showOther} }

// kinds lists every kind of entry. A test holds it against the constants of package event.
func kinds() []event.Kind {
	return []event.Kind{
		event.AccessGranted, event.AccessDenied, event.DoorOpened, event.DoorClosed, event.DoorForced, event.DoorHeld,
		event.NotEntered, event.RequestToExit, event.DeviceOnline, event.DeviceOffline, event.DeviceInsecure, event.DeviceTamper,
		event.DevicePower, event.InputFault, event.StrikeFailed, event.Started, event.PolicyApplied, event.PolicyRefused,
		event.JournalTrouble, event.ClockStepped, event.RevocationApplied, event.LeaseWarning, event.LeaseLapsed, event.LeaseRenewed,
		event.RemoteRelease, event.CommandRefused, event.CertificateWarning, event.EpochOpened, event.DeviceKeyReplaced,
		event.DeviceKeyRefused, event.AccessPending, event.Duress, event.RuleBroken, event.PINStopped, event.RecoveryUsed,
		event.PlacesReset, event.PlacesDoubtful, event.DoorUnlocked, event.DoorSecured, event.LockdownBegun, event.LockdownLifted,
		event.CardUnreadable, event.CardLeft, event.CardTaken,
		event.HeldWarning, event.LockUnsecured, event.LockSecured, event.FireAlarm, event.FireCleared, event.GasAlarm, event.GasCleared,
		event.MainsLost, event.MainsRestored, event.BatteryLow, event.BatteryRestored, event.BoxOpened, event.BoxClosed, event.ClockUnset, event.ClockSet,
		entrylog.Quarantined,
	}
}

// showOf is what an entry of a kind is shown as.
func showOf(k event.Kind) string {
	switch {
	case k == event.AccessGranted || k == event.RemoteRelease:
		return showGranted
	case k == event.AccessDenied:
		return showDenied
	case k.Alarm() || k == entrylog.Quarantined:
		return showAlarm
	default:
		return showOther
	}
}

type filter struct {
	Door, Show string
	before     int64
}

func parseFilter(q url.Values) (filter, error) {
	f := filter{Door: q.Get("door"), Show: q.Get("show")}
	if f.Show != "" && !slices.Contains(shows(), f.Show) {
		return filter{}, fault.BadField("show", "request.form", "no such choice")
	}
	if len(f.Door) > 64 {
		return filter{}, fault.BadField("door", "request.form", "door id too long")
	}
	var err error
	f.before, err = number(q.Get("before"))
	return f, err
}

// number reads an id of the log; empty is 0.
func number(s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return 0, fault.BadField("id", "request.form", "not a number of the log")
	}
	return n, nil
}

// path is an address under the same filter.
func (f filter) path(path string, before int64) string {
	q := url.Values{}
	for name, value := range map[string]string{"door": f.Door, "show": f.Show} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if before > 0 {
		q.Set("before", strconv.FormatInt(before, 10))
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// older lists at most limit entries that match, newest first.
func (p *Pages) older(ctx context.Context, actor store.Actor, f filter, limit int) ([]entrylog.Entry, error) {
	all, err := p.list(ctx, actor, f, entrylog.Filter{BeforeID: f.before, Door: f.Door, Limit: limit})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b entrylog.Entry) int { return cmp.Compare(b.ID, a.ID) })
	return all[:min(limit, len(all))], nil
}

// newer lists entries that match with after < id ≤ upTo, oldest first, and the id up to which the answer is
// complete. upTo must have been read before: what is committed while the kinds are read one by one then waits for
// the next call instead of being jumped over.
func (p *Pages) newer(ctx context.Context, actor store.Actor, f filter, after, upTo int64, limit int) (list []entrylog.Entry, complete int64, err error) {
	// An AfterID of 0 would turn the order around.
	all, err := p.list(ctx, actor, f, entrylog.Filter{AfterID: max(after, 1), Door: f.Door, Limit: limit})
	if err != nil {
		return nil, 0, err
	}
	all = slices.DeleteFunc(all, func(e entrylog.Entry) bool { return e.ID > upTo })
	slices.SortFunc(all, func(a, b entrylog.Entry) int { return cmp.Compare(a.ID, b.ID) })
	if len(all) < limit {
		return all, upTo, nil
	}
	return all[:limit], all[limit-1].ID, nil
}

// list asks the log once, or once for each kind that the filter shows.
func (p *Pages) list(ctx context.Context, actor store.Actor, f filter, q entrylog.Filter) ([]entrylog.Entry, error) {
	if f.Show == "" {
		return p.config.Entries.List(ctx, actor, q)
	}
	var all []entrylog.Entry
	for _, k := range kinds() {
		if showOf(k) != f.Show {
			continue
		}
		q.Kind = k
		some, err := p.config.Entries.List(ctx, actor, q)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}
