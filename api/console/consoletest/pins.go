package consoletest

import (
	"context"
	"time"

	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/pin"
	"kanmon/reader/credential"
)

// PINs is a register of PINs in memory.
type PINs struct {
	All     []pin.PIN
	Changes []pin.Entry
	Last    pin.Order // what was asked for last
	Fail    error     // answered by what changes something, where set

	Withdrawn, Reason string // what was withdrawn last
}

// CityPINs are the PINs of City: one in force, one that ends in a week and is short, one that is too old, one withdrawn.
func CityPINs() *PINs {
	hold := func(id, area, areaName string, s pin.State, digits int, set time.Time, version int64) pin.PIN {
		p := pin.PIN{
			ID: id, Person: id, PersonName: "佐藤 花子", Area: area, AreaName: areaName, State: s, Digits: digits, SetAt: set,
			Expires: set.AddDate(0, 0, 180), Version: version,
		}
		if area != "" {
			p.ID += "/" + area
		}
		return p
	}
	p := &PINs{All: []pin.PIN{
		hold("S-1001", "", "", pin.Set, 0, Day(2026, 8, 1), 3),
		hold("S-1001", "A-1", "電子計算機室", pin.Withdrawn, 4, Day(2026, 7, 1), 2),
		hold("S-1001", "A-2", "書庫", pin.Set, 4, Now.Add(-173*24*time.Hour), 1),
		hold("S-1003", "", "", pin.Set, 0, Day(2026, 2, 1), 1),
	}}
	p.All[0].Duress, p.All[2].Short, p.All[3].PersonName = true, true, "髙橋 美咲"
	for _, i := range []int{0, 1, 2} {
		one := p.All[i]
		p.Changes = append(p.Changes, pin.Entry{
			At: one.SetAt, Actor: "account:yamada", Reason: "定期変更", Area: one.Area, AreaName: one.AreaName, State: one.State, Duress: one.Duress,
			SetAt: one.SetAt, Expires: one.Expires, Version: one.Version,
		})
	}
	return p
}

// Of implements pins.PINs and people.PINs.
func (p *PINs) Of(_ context.Context, _ store.Actor, person string) (out []pin.PIN, err error) {
	for _, one := range p.All {
		if one.Person == person {
			out = append(out, one)
		}
	}
	return out, nil
}

// Log implements pins.PINs.
func (p *PINs) Log(_ context.Context, _ store.Actor, person string) ([]pin.Entry, error) {
	if person != "S-1001" {
		return nil, nil
	}
	return p.Changes, nil
}

// Attention implements pins.PINs.
func (p *PINs) Attention(_ context.Context, _ store.Actor, after string, limit int) (out []pin.PIN, err error) {
	for _, one := range p.All {
		if s := one.Standing(Now); one.ID > after && len(out) < limit && (s == pin.Ending || s == pin.Expired || one.Short) {
			out = append(out, one)
		}
	}
	return out, nil
}

// Set implements pins.PINs: 4711 is drawn, 8642 for threats. Nothing changes.
func (p *PINs) Set(_ context.Context, _ store.Actor, o pin.Order) (made pin.Issued, err error) {
	p.Last = o
	if p.Fail != nil {
		return pin.Issued{}, p.Fail
	}
	if o.Reason == "" {
		return pin.Issued{}, fault.BadField("reason", "field.required", "no reason")
	}
	made.PIN = pin.PIN{ID: o.Person, Person: o.Person, Area: o.Area, State: pin.Set, SetAt: Now, Expires: Now.AddDate(0, 0, 180), Version: o.After + 1}
	if o.Chosen.Len() > 0 {
		return made, nil
	}
	made.Code, err = credential.NewCode("4711")
	if err == nil && o.Duress {
		made.Duress, err = credential.NewCode("8642")
	}
	return made, err
}

// Withdraw implements pins.PINs.
func (p *PINs) Withdraw(_ context.Context, _ store.Actor, person, area, reason string) (pin.PIN, error) {
	if p.Fail != nil {
		return pin.PIN{}, p.Fail
	}
	p.Withdrawn, p.Reason = person+"/"+area, reason
	return pin.PIN{}, nil
}

// Days implements pins.PINs.
func (*PINs) Days() int { return pin.DefaultDays }

// OwnDigits implements pins.PINs.
func (*PINs) OwnDigits() int { return pin.LeastDigits }
