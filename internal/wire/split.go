package wire

import (
	"fmt"

	"kanmon/internal/access"
	"kanmon/internal/fault"
)

// partSize is the estimated size of a part, below MaxPayload by a margin.
const partSize = MaxPayload * 15 / 16

// SplitPolicy cuts a policy into parts that each fit a payload, every list in its order. A policy of more than
// some hundreds of megabytes is fault.TooLarge.
func SplitPolicy(s access.Spec, manifest Signed) ([]PolicyPart, error) {
	if size(s) > maxPolicy {
		return nil, fault.New(fault.TooLarge, "wire.policy", fmt.Sprintf("policy of %d people, %d cards and %d rights", len(s.People), len(s.Credentials), len(s.Rights)))
	}
	var parts []PolicyPart
	for first := true; first || left(s) > 0; first = false {
		p := PolicyPart{V: V, Type: Policy, N: len(parts) + 1, Manifest: manifest, Spec: access.Spec{Version: s.Version, Lease: s.Lease, CalendarUntil: s.CalendarUntil}}
		c := cutter{room: partSize}
		p.Spec.Areas, s.Areas = take(&c, s.Areas, areaSize)
		p.Spec.Doors, s.Doors = take(&c, s.Doors, doorSize)
		p.Spec.Readers, s.Readers = take(&c, s.Readers, readerSize)
		p.Spec.Schedules, s.Schedules = take(&c, s.Schedules, scheduleSize)
		p.Spec.Calendar, s.Calendar = take(&c, s.Calendar, dateSize)
		p.Spec.People, s.People = take(&c, s.People, personSize)
		p.Spec.Rights, s.Rights = take(&c, s.Rights, rightSize)
		p.Spec.Credentials, s.Credentials = take(&c, s.Credentials, credentialSize)
		p.Spec.PINs, s.PINs = take(&c, s.PINs, pinSize)
		p.Spec.Revocations, s.Revocations = take(&c, s.Revocations, revocationSize)
		p.Spec = noNull(p.Spec)
		parts = append(parts, p)
	}
	for i := range parts {
		parts[i].Of = len(parts)
	}
	return parts, nil
}

func left(s access.Spec) int {
	return len(s.Areas) + len(s.Doors) + len(s.Readers) + len(s.Schedules) + len(s.Calendar) + len(s.People) + len(s.Credentials) + len(s.Rights) + len(s.PINs) + len(s.Revocations)
}

// cutter fills one part.
type cutter struct {
	room int
	any  bool // the part has a record: a first one is taken whatever its size
}

func take[T any](c *cutter, from []T, size func(*T) int) (head, rest []T) {
	n := 0
	for n < len(from) {
		c.room -= size(&from[n])
		if c.room < 0 && c.any {
			break // and room stays below zero: no other list goes on
		}
		c.any = true
		n++
	}
	return from[:n:n], from[n:]
}

// Sizes in JSON, from above: a byte of text is escaped with at most six, a number has at most twenty digits.

func text(values ...string) (n int) {
	for _, v := range values {
		n += 6 * len(v)
	}
	return n
}

func size(s access.Spec) int {
	return sum(s.Areas, areaSize) + sum(s.Doors, doorSize) + sum(s.Readers, readerSize) + sum(s.Schedules, scheduleSize) + sum(s.Calendar, dateSize) +
		sum(s.People, personSize) + sum(s.Rights, rightSize) + sum(s.Credentials, credentialSize) + sum(s.PINs, pinSize) + sum(s.Revocations, revocationSize)
}

func sum[T any](list []T, size func(*T) int) (n int) {
	for i := range list {
		n += size(&list[i])
	}
	return n
}

func areaSize(a *access.Area) int {
	return 500 + text(a.ID, a.Name, string(a.Record), string(a.Factors), string(a.Trust), string(a.Passback), a.Unlock) + text(a.Recovery...) + 3*len(a.Recovery)
}

func doorSize(d *access.Door) int {
	return 200 + text(d.ID, d.Name, d.Area, d.Interlock) + text(d.EntryReads...) + text(d.ExitReads...) + 3*(len(d.EntryReads)+len(d.ExitReads))
}

func readerSize(r *access.Reader) int {
	return 60 + text(r.Name, string(r.Trust)) + sum(r.Frames, frameSize)
}

func frameSize(f *access.Frame) int { return 60 + text(f.Format) }

func scheduleSize(s *access.Schedule) int {
	return 100 + text(s.ID, s.Name) + 100*len(s.Windows) + sum(s.Special, specialSize)
}

func specialSize(d *access.SpecialDay) int { return 40 + text(d.Date) + 80*len(d.Windows) }

func dateSize(d *string) int { return 3 + text(*d) }

func personSize(p *access.Person) int { return 100 + text(p.ID, string(p.Class), p.Number) }

func rightSize(r *access.Right) int { return 180 + text(r.Person, r.Area, r.Schedule) }

func credentialSize(c *access.Credential) int { return 200 + text(c.Card, c.Person, string(c.State)) }

func pinSize(p *access.PIN) int { return 240 + text(p.Person, p.Area) }

func revocationSize(r *access.Revocation) int { return 200 + text(r.Card, string(r.State), r.Seal) }
