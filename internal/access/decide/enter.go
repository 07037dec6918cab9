package decide

import (
	"time"

	"kanmon/internal/access"
)

// enter asks what the area asks of somebody who may enter it now: first what no PIN helps against, then the factors, then where people are. The
// order is the contract.
func (id *Identity) enter(d *Decision, f *access.Facts, may privilege, now time.Time) access.Reason {
	z := id.at.zone
	switch {
	case f.Gas:
		return access.GasReleased
	case z.lockdown && may&mayPass == 0:
		return access.LockedDown
	}
	if r := id.factors(d, f, now); r != access.Granted {
		return r
	}
	if r := z.passback(d, f); r != access.Granted {
		return r
	}
	switch {
	case f.Open:
		return access.Interlocked
	case z.full(f):
		return access.AreaFull
	case z.rules.First && f.Staff+f.Visitors == 0 && may&mayFirst == 0 && !f.Party.First:
		return access.FirstRequired
	}
	return id.company(d, f)
}

// veil asks for the PIN of a typed number before anything else: without it a number that somebody has is answered as one that nobody has. A recovery
// holder who has none waits for a second one instead.
func (id *Identity) veil(d *Decision, f *access.Facts) access.Reason {
	switch {
	case !id.noCard || id.at.zone.factors != access.FactorsNumber || d.Recovery || f.Typed.Right() && !f.Blocked:
		return access.Granted
	case f.Typed == "":
		return access.PINRequired
	case f.Blocked:
		return access.PINBlocked
	}
	return access.PINWrong
}

// factors asks for what has to be shown and typed.
func (id *Identity) factors(d *Decision, f *access.Facts, now time.Time) access.Reason {
	z := id.at.zone
	alone := z.factors == access.FactorsPIN || z.factors == access.FactorsNumber
	switch {
	case alone != id.noCard:
		return access.FactorsWrong
	case !id.noCard && f.Trust.Rank() < z.trust:
		return access.TrustTooLow
	case d.Recovery || z.factors == access.FactorsCard:
		return access.Granted
	case z.factors == access.FactorsTwoCards && !f.Party.Twin:
		return access.CardRequired
	case z.factors == access.FactorsTwoCards:
		return access.Granted
	}
	return id.typed(f, now)
}

func (id *Identity) typed(f *access.Facts, now time.Time) access.Reason {
	switch {
	case f.Blocked:
		return access.PINBlocked
	case f.Typed == "":
		return access.PINRequired
	case !f.Typed.Right():
		return access.PINWrong
	}
	pin := id.pin
	if pin == nil {
		pin = id.policy.book.of(id.holder.person, id.at.pinArea())
	}
	switch {
	case pin == nil:
		return access.PINWrong
	case pin.until != 0 && now.IsZero():
		return access.TimeUnknown
	case pin.until != 0 && now.Unix() >= pin.until:
		return access.PINExpired
	}
	return access.Granted
}

// passback asks whether the person is inside already.
func (z *zone) passback(d *Decision, f *access.Facts) access.Reason {
	if f.Place != access.Inside {
		return access.Granted
	}
	switch z.rules.Passback {
	case access.PassbackHard:
		return access.PassedBack
	case access.PassbackTimed:
		if f.SinceS < int64(z.rules.PassbackS) {
			return access.PassedBack
		}
	case access.PassbackSoft:
		d.Broken = access.PassedBack
	}
	return access.Granted
}

// full counts who is inside, who is on the way in, who waits and the person at the reader.
func (z *zone) full(f *access.Facts) bool {
	return z.rules.Most > 0 && f.Staff+f.Visitors+f.Coming+f.Party.Waiting+1 > z.rules.Most
}

// company asks for the second person and for the escort. A visitor passes only with an escort at the same reader within the window, in either
// order, and is never the second person (R44-6).
func (id *Identity) company(d *Decision, f *access.Facts) access.Reason {
	z := id.at.zone
	visitors, escorts, staff := f.Visitors+f.Party.Visitors, f.Escorts+f.Party.Escorts, f.Staff+f.Party.Staff
	near := f.Party.Escorts
	if d.Visitor {
		visitors++
	} else {
		staff++
	}
	if d.Escort {
		escorts, near = escorts+1, near+1
	}
	escorted := near > 0 && (z.rules.Visitors == 0 || visitors <= z.rules.Visitors || escorts > 1)
	switch {
	case (d.Visitor || d.Escort && f.Party.Guests > 0) && !escorted:
		return access.EscortRequired
	case z.rules.TwoPerson && staff < 2:
		return access.PersonRequired
	}
	d.Guests = escorted
	return access.Granted
}

// leaving names the rule that somebody who goes out breaks. Nobody is held back by it.
func (id *Identity) leaving(f *access.Facts, ever privilege) access.Reason {
	z := id.at.zone
	visitor := id.holder.class == access.VisitorIndex
	switch {
	case !z.rules.InOut:
		return ""
	case ever&mayEscort != 0 && !visitor && f.Visitors > 0 && f.Escorts == 0:
		return access.EscortLeft
	case z.rules.TwoPerson && !visitor && f.Staff == 1:
		return access.LeftAlone
	case z.rules.Passback != "" && f.Place == access.Outside:
		return access.PassedBack
	}
	return ""
}
