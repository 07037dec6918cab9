package journal

import (
	"context"
	"fmt"

	"kanmon/internal/access"
	"kanmon/internal/db"
	"kanmon/internal/event"
	"kanmon/internal/fault"
)

// head is the row that says where the journal stands. It is comparable.
type head struct {
	controller string
	epoch, seq uint64
	hash       event.Hash
	base       uint64
	baseHash   event.Hash
	acked      uint64
	wall       string // db.FormatTime, or ""
	policy     access.Version
	trust
}

type row struct {
	seq   uint64
	bytes []byte
	hash  event.Hash
}

func newHead(controller string, epoch uint64) head {
	start := event.Start(controller, epoch)
	return head{controller: controller, epoch: epoch, hash: start, baseHash: start, trust: noTrust}
}

// append works the events and the change of a request in; all of it or nothing.
func (h *head) append(r request) ([]row, error) {
	rows, next, err := h.number(r.events)
	if err != nil {
		return nil, err
	}
	if r.change.Policy != nil {
		next.policy = *r.change.Policy
	}
	if !r.change.Floor.IsZero() {
		next.wall = db.FormatTime(r.change.Floor)
	}
	next.apply(r.change)
	*h = next
	return rows, nil
}

// number gives events their numbers and links; all of them or none.
func (h head) number(events []event.Event) ([]row, head, error) {
	rows := make([]row, 0, len(events))
	for _, e := range events {
		e.Epoch, e.Seq = h.epoch, h.seq+1
		b, err := event.Encode(e)
		if err != nil {
			return nil, h, err
		}
		h.seq, h.hash = e.Seq, event.Next(h.hash, b)
		rows = append(rows, row{h.seq, b, h.hash})
	}
	return rows, h, nil
}

// ack moves the cursor.
func (h *head) ack(to Position) error {
	if to.Epoch != h.epoch || to.Seq > h.seq {
		return fault.New(fault.Conflict, "journal.ack", fmt.Sprintf("acknowledgement of %d.%d, the journal stands at %d.%d", to.Epoch, to.Seq, h.epoch, h.seq))
	}
	h.acked = max(to.Seq, h.base)
	return nil
}

// headRow is head as SQL has it.
type headRow struct {
	Controller  string `db:"controller"`
	Epoch       int64  `db:"epoch"`
	Seq         int64  `db:"seq"`
	Hash        []byte `db:"hash"`
	BaseSeq     int64  `db:"base_seq"`
	BaseHash    []byte `db:"base_hash"`
	Acked       int64  `db:"acked"`
	Wall        string `db:"wall"`
	PolicyEpoch int64  `db:"policy_epoch"`
	PolicyN     int64  `db:"policy_n"`
	Starts      int64  `db:"starts"`
	Centre      int64  `db:"centre_epoch"`
	RevokedE    int64  `db:"revoked_epoch"`
	RevokedN    int64  `db:"revoked_n"`
	RevokedAt   string `db:"revoked_at"`
	LeaseAge    int64  `db:"lease_age_ms"`
	LeaseWall   string `db:"lease_wall"`
	ClockSet    string `db:"clock_set"`
	ClockSaid   string `db:"clock_said"`
}

const selectHead = `SELECT controller, epoch, seq, hash, base_seq, base_hash, acked, wall, policy_epoch, policy_n,
	starts, centre_epoch, revoked_epoch, revoked_n, revoked_at, lease_age_ms, lease_wall, clock_set, clock_said FROM journal_head WHERE id = 1`

func load(ctx context.Context, d *db.DB) (h head, err error) {
	err = d.Read(ctx, func(q db.Queryer) error {
		h, err = loadIn(ctx, q)
		return err
	})
	return h, err
}

func loadIn(ctx context.Context, q db.Queryer) (head, error) {
	var r headRow
	if err := q.Get(ctx, &r, selectHead); err != nil {
		return head{}, err
	}
	if len(r.Hash) != len(event.Hash{}) || len(r.BaseHash) != len(event.Hash{}) {
		return head{}, broken("the head row holds no hashes")
	}
	return head{
		controller: r.Controller, epoch: uint64(r.Epoch), seq: uint64(r.Seq), hash: event.Hash(r.Hash),
		base: uint64(r.BaseSeq), baseHash: event.Hash(r.BaseHash), acked: uint64(r.Acked), wall: r.Wall,
		policy: access.Version{Epoch: uint64(r.PolicyEpoch), N: uint64(r.PolicyN)},
		trust: trust{
			starts: uint64(r.Starts), centre: uint64(r.Centre), revoked: access.Version{Epoch: uint64(r.RevokedE), N: uint64(r.RevokedN)},
			revokedAt: r.RevokedAt, leaseAge: r.LeaseAge, leaseWall: r.LeaseWall,
			clockSet: r.ClockSet, clockSaid: r.ClockSaid,
		},
	}, nil
}

// save writes the head and the events that led to it.
func save(ctx context.Context, tx *db.Tx, h head, rows []row) error {
	for _, r := range rows {
		if _, err := tx.Exec(ctx, `INSERT INTO journal_event (seq, bytes, hash) VALUES (?, ?, ?)`, int64(r.seq), r.bytes, r.hash[:]); err != nil {
			return err
		}
	}
	_, err := tx.Exec(ctx, saveHead,
		h.controller, int64(h.epoch), int64(h.seq), h.hash[:], int64(h.base), h.baseHash[:], int64(h.acked), h.wall, int64(h.policy.Epoch), int64(h.policy.N),
		int64(h.starts), int64(h.centre), int64(h.revoked.Epoch), int64(h.revoked.N), h.revokedAt, h.leaseAge, h.leaseWall, h.clockSet, h.clockSaid)
	return err
}

const saveHead = `INSERT INTO journal_head (id, controller, epoch, seq, hash, base_seq, base_hash, acked, wall, policy_epoch, policy_n,
	starts, centre_epoch, revoked_epoch, revoked_n, revoked_at, lease_age_ms, lease_wall, clock_set, clock_said)
	VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
	ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, hash = excluded.hash, base_seq = excluded.base_seq, base_hash = excluded.base_hash,
		acked = excluded.acked, wall = excluded.wall, policy_epoch = excluded.policy_epoch, policy_n = excluded.policy_n, starts = excluded.starts,
		centre_epoch = excluded.centre_epoch, revoked_epoch = excluded.revoked_epoch, revoked_n = excluded.revoked_n,
		revoked_at = excluded.revoked_at, lease_age_ms = excluded.lease_age_ms, lease_wall = excluded.lease_wall,
		clock_set = excluded.clock_set, clock_said = excluded.clock_said`
