// Package ingest takes in what controllers send: event batches into the entry log, statuses into the device
// register, receipts into the register of revocations. It promises:
//
//   - Nothing counts that the controller whose name it bears has not signed with its enrolled key, but for the last will, which
//     says only "offline". What is not signed goes to the quarantine, which is an alarm on the live page, and is not acknowledged.
//   - A batch is one transaction. The acknowledgement it returns says what is committed, and nothing else.
//   - Every event is in the log exactly once, in the controller's order, with the signature it came under. A repeat with the same bytes
//     changes nothing; a gap stores nothing beyond it; a number with other bytes, a broken chain or an unreadable
//     payload goes to the quarantine.
//   - What needs a person is an alarm in the same transaction (package alarm).
//   - Events are kept whatever they say: also about doors and people nobody registered.
//   - A revocation that a controller applied and a restored database lacks is adopted before the events that report it are acknowledged.
//   - An older status never replaces a newer one, and only a newer one earns a lease.
package ingest

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"kanmon/api/epoch"
	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/internal/wire"
	"kanmon/lifecycle/alarm"
	"kanmon/lifecycle/card"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/entrylog"
	"kanmon/lifecycle/revocation"
)

// Config of an Ingest. All fields are required but PublishedAt and Confirmed.
type Config struct {
	Site        string
	Store       *store.Store
	Entries     *entrylog.Register
	Alarms      *alarm.Register
	Devices     *device.Register
	Cards       *card.Register
	Revocations *revocation.Register
	Epochs      *epoch.Keeper
	Known       wire.Keys // the command keys whose seals on revocations count
	// PublishedAt is when the revocation set up to a version was last sent to a controller.
	PublishedAt func(controller string, upto access.Version) time.Time
	// Confirmed hears of receipts that are committed.
	Confirmed func(controller string, upto access.Version)
	Log       *slog.Logger
}

// Ingest is safe for concurrent use; batches of one controller should come one after the other.
type Ingest struct {
	cfg         Config
	newEntries  Broadcaster
	newStatuses Broadcaster
	newReceipts Broadcaster
	receipts    receipts
	forged      limiter

	mu   sync.Mutex
	gaps map[string]gap
}

// New prepares the ingest.
func New(cfg Config) *Ingest {
	return &Ingest{cfg: cfg, gaps: map[string]gap{}, receipts: newReceipts()}
}

// Entries tells when the entry log has grown; the ids are its rows'. Events before their turn are told as 0.
func (in *Ingest) Entries() *Broadcaster { return &in.newEntries }

// Statuses tells when the state of a controller has changed; the ids mean nothing.
func (in *Ingest) Statuses() *Broadcaster { return &in.newStatuses }

// Receipts tells when controllers have confirmed revocations; the ids mean nothing.
func (in *Ingest) Receipts() *Broadcaster { return &in.newReceipts }

func (in *Ingest) at(controller string, kind wire.Kind) wire.Address {
	return wire.Address{Site: in.cfg.Site, Controller: controller, Kind: kind}
}

// keys trusts the controller's own key and no other. Errors: fault.NotFound for a controller nobody entered, fault.Denied for one that is
// not enrolled, or revoked.
func (in *Ingest) keys(ctx context.Context, controller string) (wire.Keys, error) {
	public, err := in.cfg.Devices.PublicKey(ctx, controller)
	if err != nil {
		return nil, err
	}
	return wire.OneKey(public), nil
}

// refuse quarantines a payload that could not be taken at all and returns the error that says why. What is the centre's own trouble is no
// fault of the payload.
func (in *Ingest) refuse(ctx context.Context, controller string, payload []byte, why error) error {
	s := entrylog.Suspect{Controller: controller, Detail: why.Error(), Payload: payload}
	switch fault.KindOf(why) {
	case fault.NotFound:
		s = entrylog.Suspect{Reason: entrylog.BadController, Mark: controller, Detail: "controller " + controller, Payload: payload}
	case fault.Denied:
		if !in.forged.allow(time.Now()) {
			return why
		}
		s.Reason = entrylog.BadSignature
	case fault.Invalid, fault.TooLarge:
		s.Reason = entrylog.BadPayload
	default:
		return why
	}
	if err := in.quarantine(ctx, s); err != nil {
		return err
	}
	return why
}

// signed classifies an error from opening an envelope: a payload that has none where one belongs is not signed.
func signed(err error) error {
	if fault.CodeOf(err) == "wire.type" {
		return fault.Wrap(fault.Denied, err, "not signed")
	}
	return err
}

func (in *Ingest) quarantine(ctx context.Context, s entrylog.Suspect) error {
	id, err := in.cfg.Entries.Quarantine(ctx, s, func(ctx context.Context, tx *store.Tx, id int64) error {
		return in.cfg.Alarms.Suspect(ctx, tx, s.Controller, id)
	})
	if err != nil || id == 0 {
		return err
	}
	in.cfg.Log.WarnContext(ctx, "message quarantined", slog.String("controller", s.Controller),
		slog.String("reason", string(s.Reason)), slog.Int64("id", id), slog.String("detail", s.Detail))
	in.newEntries.Tell(id)
	return nil
}

// given is the newest version of each kind that the centre gave a controller.
func (in *Ingest) given(ctx context.Context, controller string) (epoch.Given, error) {
	var g epoch.Given
	err := in.cfg.Store.Read(ctx, func(q store.Queryer) error {
		var err error
		if g.Policy, err = device.Wanted(ctx, q, controller); err != nil {
			return err
		}
		g.Revocation, err = revocation.Latest(ctx, q)
		return err
	})
	return g, err
}
