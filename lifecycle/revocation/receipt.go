package revocation

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/entrylog"
	"kanmon/lifecycle/period"
)

// mostUses is how many uses of a card a receipt shows.
const mostUses = 200

// Receipt returns one entry with every controller that it is for. Uses are left out for who may not read the entry log.
func (r *Register) Receipt(ctx context.Context, actor store.Actor, v access.Version) (Receipt, error) {
	var receipt Receipt
	err := r.read(ctx, actor, func(q store.Queryer) error {
		targets, err := receipt.load(ctx, q, v)
		if err != nil {
			return err
		}
		if receipt.Doors, err = r.lines(ctx, q, v, targets); err != nil || actor.May(authz.EntryRead) != nil {
			return err
		}
		since := receipt.LostAt
		if since.IsZero() {
			since = receipt.At
		}
		receipt.Uses, err = entrylog.Uses(ctx, q, receipt.Card, since, mostUses)
		return err
	})
	return receipt, err
}

// load reads the entry and returns whom it is for.
func (r *Receipt) load(ctx context.Context, q store.Queryer, v access.Version) (map[string]bool, error) {
	var row itemRow
	epoch, n := int64(min(v.Epoch, 1<<62)), int64(min(v.N, 1<<62)) // bounded
	err := q.Get(ctx, &row, `SELECT `+itemColumns+`, targets FROM v_revocation_item WHERE epoch = ? AND n = ?`, epoch, n)
	if fault.KindOf(err) == fault.NotFound {
		return nil, fault.New(fault.NotFound, "revocation.unknown", fmt.Sprintf("no revocation %d.%d", v.Epoch, v.N))
	}
	if err != nil {
		return nil, err
	}
	if r.Item, err = row.item(); err != nil {
		return nil, err
	}
	return names(row.Targets)
}

// lines reads the controllers of a receipt.
func (r *Register) lines(ctx context.Context, q store.Queryer, v access.Version, targets map[string]bool) ([]ControllerLine, error) {
	byName := make(map[string]*ControllerLine, len(targets))
	for name := range targets {
		byName[name] = &ControllerLine{Controller: name}
	}
	for _, read := range []func(context.Context, store.Queryer, map[string]*ControllerLine) error{r.standing, doors, confirmedAt(v)} {
		if err := read(ctx, q, byName); err != nil {
			return nil, err
		}
	}
	lines := make([]ControllerLine, 0, len(byName))
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		lines = append(lines, *byName[name])
	}
	return lines, nil
}

func doors(ctx context.Context, q store.Queryer, lines map[string]*ControllerLine) error {
	var rows []struct{ Controller, Name string }
	if err := q.Select(ctx, &rows, `SELECT controller, name FROM v_revocation_door ORDER BY name, id`); err != nil {
		return err
	}
	for _, row := range rows {
		if line := lines[row.Controller]; line != nil {
			line.Doors = append(line.Doors, row.Name)
		}
	}
	return nil
}

// confirmedAt fills in what controllers said of a version.
func confirmedAt(v access.Version) func(context.Context, store.Queryer, map[string]*ControllerLine) error {
	return func(ctx context.Context, q store.Queryer, lines map[string]*ControllerLine) error {
		var rows []confirmedRow
		err := q.Select(ctx, &rows, `SELECT controller, published_at, applied_at, received_at, key_id, payload FROM revocation_receipt
			WHERE epoch = ? AND n = ?`, int64(v.Epoch), int64(v.N)) // of an entry that was found
		if err != nil {
			return err
		}
		for _, row := range rows {
			if line := lines[row.Controller]; line != nil {
				if err := row.fill(line); err != nil {
					return err
				}
			}
		}
		return nil
	}
}

type confirmedRow struct {
	Controller  string
	PublishedAt string `db:"published_at"`
	AppliedAt   string `db:"applied_at"`
	ReceivedAt  string `db:"received_at"`
	KeyID       string `db:"key_id"`
	Payload     []byte
}

func (r confirmedRow) fill(line *ControllerLine) error {
	line.Confirmed, line.Signature, line.Payload = true, r.KeyID, r.Payload
	for _, t := range []struct {
		text string
		into *time.Time
	}{{r.PublishedAt, &line.PublishedAt}, {r.AppliedAt, &line.AppliedAt}, {r.ReceivedAt, &line.ReceivedAt}} {
		var err error
		if *t.into, err = period.Time(t.text); err != nil {
			return err
		}
	}
	return nil
}
