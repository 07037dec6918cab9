package live

import (
	"strings"
	"time"

	"kanmon/api/console/ui"
	"kanmon/api/message"
	"kanmon/internal/access"
	"kanmon/internal/event"
	"kanmon/lifecycle/entrylog"
)

// why explains an entry: the decision's reason, or what the kind means and what to do about it.
func (p *Pages) why(l message.Lang, e entrylog.Entry) string {
	switch {
	case e.Kind == event.RevocationApplied:
		return p.applied(l, e)
	case e.Kind == event.LeaseWarning || e.Kind == event.LeaseLapsed:
		return p.lease(l, e)
	case e.Kind == event.RemoteRelease:
		return p.released(l, e)
	case e.Kind == event.AccessGranted && e.Direction == access.Out && e.Reason != access.Granted && e.Reason != "":
		return p.view.Text(l, "why.out_anyway", p.word(l, "reason.", string(e.Reason)))
	case e.Reason != "":
		return p.word(l, "reason.", Reason(e))
	default:
		return p.word(l, "why.", string(e.Kind))
	}
}

// Reason is what the catalogue calls an entry's reason. On the way out, a broken rule of anti-passback says the opposite of a refusal by it on the
// way in: that no entry was recorded.
func Reason(e entrylog.Entry) string {
	if e.Kind == event.RuleBroken && e.Reason == access.PassedBack && e.Direction == access.Out {
		return "left_unrecorded"
	}
	return string(e.Reason)
}

// applied says what a controller does with a card from now on. One entry may stand for many cards, and then names none.
func (p *Pages) applied(l message.Lang, e entrylog.Entry) string {
	switch {
	case e.Card == "":
		return p.view.Text(l, "why.revocation_applied")
	case e.Reason == access.CredentialRevoked:
		return p.view.Text(l, "applied.revoked")
	case e.Reason == access.CredentialSuspend:
		return p.view.Text(l, "applied.suspended")
	default:
		return p.view.Text(l, "applied.lifted")
	}
}

// lease reads the controller's words, "staff: ends 2027-04-01T09:00:00Z" or "staff: over".
func (p *Pages) lease(l message.Lang, e entrylog.Entry) string {
	class, rest, _ := strings.Cut(e.Detail, ": ")
	people := p.word(l, "class.", class)
	if people == class {
		return p.view.Text(l, "why."+string(e.Kind))
	}
	if e.Kind == event.LeaseLapsed {
		return p.view.Text(l, "lease.over", people)
	}
	ends, err := time.Parse(time.RFC3339, strings.TrimPrefix(rest, "ends "))
	if err != nil {
		return p.view.Text(l, "why."+string(e.Kind))
	}
	return p.view.Text(l, "lease.ends", people, ui.Minute(l, ends))
}

// released reads the controller's words, "by account:yamada: reason [id]". The reason is a person's and may hold anything.
func (p *Pages) released(l message.Lang, e entrylog.Entry) string {
	who, rest, ok := strings.Cut(strings.TrimPrefix(e.Detail, "by "), ": ")
	end := strings.LastIndex(rest, " [")
	if !ok || end < 0 {
		return p.view.Text(l, "why.remote_release")
	}
	return p.view.Text(l, "released.by", strings.TrimPrefix(who, "account:"), rest[:end])
}
