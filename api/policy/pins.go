package policy

import (
	"context"
	"fmt"

	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/period"
)

// readPINs reads all PINs. Whose validity is over are among them, as cards are: the door says so.
func (p *people) readPINs(ctx context.Context, q store.Queryer, forms access.Forms) error {
	var rows []struct {
		Person, Area string
		Key          []byte `db:"pin_key"`
		Duress       []byte `db:"duress_key"`
		Expires      string
	}
	if err := q.Select(ctx, &rows, `SELECT person, area, pin_key, duress_key, expires FROM v_policy_pin`); err != nil {
		return err
	}
	p.more, p.alone = map[string]access.PIN{}, map[string][]access.PIN{}
	for _, r := range rows {
		pin := access.PIN{Person: r.Person, Area: r.Area}
		if err := newest(forms, r.Key, &pin.Key); err != nil {
			return err
		}
		if len(r.Duress) > 0 {
			if err := newest(forms, r.Duress, &pin.Duress); err != nil {
				return err
			}
		}
		expires, err := period.Time(r.Expires)
		if err != nil {
			return err
		}
		pin.Until = expires.Unix()
		switch {
		case pin.Area != "":
			p.alone[pin.Area] = append(p.alone[pin.Area], pin)
		case p.holds[pin.Person]:
			p.pins = append(p.pins, pin)
		default:
			p.more[pin.Person] = pin
		}
	}
	return nil
}

// newest is the newest form of a stored key.
func newest(forms access.Forms, stored []byte, into *access.Key) error {
	if len(stored) != len(into) {
		return fault.New(fault.Internal, "", fmt.Sprintf("PIN key of %d bytes", len(stored)))
	}
	*into = forms(access.Key(stored))[0]
	return nil
}
