package ingest

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"kanmon/api/epoch"
	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/internal/wire"
	"kanmon/lifecycle/device"
)

// Heard is what became of a status.
type Heard struct {
	Online  bool
	Revoked access.Version // how far the controller is
	Hash    string         // of the revocation set in force there
	// Lease answers the status; nil for one that earns none.
	Lease *wire.LeaseGrant
}

// HandleStatus takes one payload that came on the status topic of a controller. retained says that the broker
// had kept it; received is the centre's time of arrival. news is false for one that is not newer than the last: nothing changed.
// Errors are as in HandleEvents.
func (in *Ingest) HandleStatus(ctx context.Context, controller string, payload []byte, retained bool, received time.Time) (heard Heard, news bool, err error) {
	said, err := in.openStatus(ctx, controller, payload)
	if err != nil {
		return Heard{}, false, in.refuse(ctx, controller, payload, err)
	}
	given, err := in.given(ctx, controller)
	if err != nil {
		return Heard{}, false, in.refuse(ctx, controller, payload, err)
	}
	s := status(said, retained)
	heard = Heard{Online: s.Online, Revoked: s.Revoked, Hash: s.RevokedHash}
	if s.Online && !retained && said.Nonce != "" {
		heard.Lease, s.LeasedAt = lease(said.Nonce, given, s, received)
	}
	if news, err = in.cfg.Devices.RecordStatus(ctx, controller, s, received); err != nil {
		return Heard{}, false, in.refuse(ctx, controller, payload, err)
	}
	if !news {
		return Heard{}, false, nil
	}
	in.newStatuses.Tell(0)
	if s.Online {
		in.farther(ctx, controller, s, given)
	}
	return heard, true, nil
}

func (in *Ingest) openStatus(ctx context.Context, controller string, payload []byte) (wire.ControllerStatus, error) {
	keys, err := in.keys(ctx, controller)
	if err != nil {
		return wire.ControllerStatus{}, err
	}
	said, err := wire.OpenStatus(in.at(controller, wire.Status), payload, keys)
	return said, signed(err)
}

// lease answers a nonce with what the centre stands by, and says when that was, if the controller can use it: it counts there only with the
// whole revocation set, so the moment from which a card might still be let in does not move for one that lacks entries.
func lease(nonce string, given epoch.Given, s device.Status, received time.Time) (*wire.LeaseGrant, time.Time) {
	grant := &wire.LeaseGrant{
		V: wire.V, Type: wire.Lease, Nonce: nonce, Centre: given.Policy.Epoch, Policy: given.Policy, Revoked: given.Revocation,
		At: received.UTC().Truncate(time.Microsecond),
	}
	if given.Revocation.N > 0 && s.Revoked.Less(given.Revocation) {
		return grant, time.Time{}
	}
	return grant, received
}

// farther has a new epoch opened for a controller that is ahead of the centre. Its next status says the same if that was not done.
func (in *Ingest) farther(ctx context.Context, controller string, s device.Status, given epoch.Given) {
	_, err := in.cfg.Epochs.Seen(ctx, controller, s.Policy, s.Revoked, given, time.Now())
	if err != nil && ctx.Err() == nil && fault.KindOf(err) != fault.TooMany {
		in.cfg.Log.ErrorContext(ctx, "no new epoch could be opened", slog.String("controller", controller), slog.Any("error", err))
	}
}

// MarkSilent marks controllers offline that were last heard before the moment, and returns their names.
func (in *Ingest) MarkSilent(ctx context.Context, before time.Time) ([]string, error) {
	names, err := in.cfg.Devices.MarkSilent(ctx, before)
	if err != nil {
		return nil, fmt.Errorf("mark silent controllers: %w", err)
	}
	if len(names) > 0 {
		in.cfg.Log.WarnContext(ctx, "controllers silent", slog.Any("controllers", names))
		in.newStatuses.Tell(0)
	}
	return names, nil
}

func status(w wire.ControllerStatus, retained bool) device.Status {
	s := device.Status{
		Online: w.Online, Retained: retained, Start: w.Start, N: w.N, Epoch: w.Epoch, LastSeq: w.LastSeq, Acked: w.Acked,
		Kept: w.Kept, FillPerMil: w.FillPerMil, PolicyHash: w.PolicyHash, RevokedHash: w.RevokedSum,
		LeaseAge:  time.Duration(min(w.LeaseAge, mostAge)) * time.Second,
		LeaseTime: min(time.Duration(min(w.LeaseTime, mostAge))*time.Second, access.MostLease), Software: w.Software, Trouble: w.Trouble,
	}
	if w.At != nil {
		s.At = *w.At
	}
	if w.Policy != nil {
		s.Policy = *w.Policy
	}
	if w.Revoked != nil {
		s.Revoked = *w.Revoked
	}
	for _, d := range w.Devices {
		s.Devices = append(s.Devices, device.Attached(d))
	}
	for _, d := range w.Doors {
		s.Doors = append(s.Doors, device.DoorState(d))
	}
	return s
}

// mostAge bounds a lease's age in seconds: more than any lease, less than what overflows.
const mostAge = int64(100 * 365 * 24 * time.Hour / time.Second)
