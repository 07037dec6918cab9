package access

import "time"

// enter asks what the area asks of somebody who may enter it now: first what no PIN helps against, then the factors, then where people are. The
// order is the contract.
func (id *Identity) enter(d *Decision, f *Facts, may privilege, now time.Time) Reason {
	z := id.at.zone
	switch {
	case f.Gas:
		return GasReleased
	case z.lockdown && may&mayPass == 0:
		return LockedDown
	}
	if r := id.factors(d, f, now); r != Granted {
		return r
	}
	if r := z.passback(d, f); r != Granted {
		return r
	}
	switch {
	case f.Open:
		return Interlocked
	case z.full(f):
		return AreaFull
	case z.rules.First && f.Staff+f.Visitors == 0 && may&mayFirst == 0 && !f.Party.First:
		return FirstRequired
	}
	return id.company(d, f)
}

// factors asks for what has to be shown and typed.
func (id *Identity) factors(d *Decision, f *Facts, now time.Time) Reason {
	z := id.at.zone
	alone := z.factors == FactorsPIN || z.factors == FactorsNumber
	switch {
	case alone != id.noCard:
		return FactorsWrong
	case !id.noCard && f.Trust.rank() < z.trust:
		return TrustTooLow
	case d.Recovery || z.factors == FactorsCard:
		return Granted
	case z.factors == FactorsTwoCards && !f.Party.Twin:
		return CardRequired
	case z.factors == FactorsTwoCards:
		return Granted
	}
	return id.typed(f, now)
}

func (id *Identity) typed(f *Facts, now time.Time) Reason {
	switch {
	case f.Blocked:
		return PINBlocked
	case f.Typed == "":
		return PINRequired
	case !f.Typed.right():
		return PINWrong
	}
	pin := id.pin
	if pin == nil {
		pin = id.policy.book.of(id.holder.person, id.at.pinArea())
	}
	switch {
	case pin == nil:
		return PINWrong
	case pin.until != 0 && now.IsZero():
		return TimeUnknown
	case pin.until != 0 && now.Unix() >= pin.until:
		return PINExpired
	}
	return Granted
}

// passback asks whether the person is inside already.
func (z *zone) passback(d *Decision, f *Facts) Reason {
	if f.Place != Inside {
		return Granted
	}
	switch z.rules.Passback {
	case PassbackHard:
		return PassedBack
	case PassbackTimed:
		if f.SinceS < int64(z.rules.PassbackS) {
			return PassedBack
		}
	case PassbackSoft:
		d.Broken = PassedBack
	}
	return Granted
}

// full counts who is inside, who is on the way in, who waits and the person at the reader.
func (z *zone) full(f *Facts) bool {
	return z.rules.Most > 0 && f.Staff+f.Visitors+f.Coming+f.Party.Waiting+1 > z.rules.Most
}

// company asks for the second person and for the escort. A visitor passes only with an escort at the same reader within the window, in either
// order, and is never the second person (R44-6).
func (id *Identity) company(d *Decision, f *Facts) Reason {
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
		return EscortRequired
	case z.rules.TwoPerson && staff < 2:
		return PersonRequired
	}
	d.Guests = escorted
	return Granted
}

// leaving names the rule that somebody who goes out breaks. Nobody is held back by it.
func (id *Identity) leaving(f *Facts, ever privilege) Reason {
	z := id.at.zone
	visitor := id.holder.class == visitorIndex
	switch {
	case !z.rules.InOut:
		return ""
	case ever&mayEscort != 0 && !visitor && f.Visitors > 0 && f.Escorts == 0:
		return EscortLeft
	case z.rules.TwoPerson && !visitor && f.Staff == 1:
		return LeftAlone
	case z.rules.Passback != "" && f.Place == Outside:
		return PassedBack
	}
	return ""
}
