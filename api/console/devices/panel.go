package devices

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"kanmon/api/console/ui"
	"kanmon/api/message"
	"kanmon/internal/access"
	"kanmon/internal/authz"
	"kanmon/lifecycle/device"
)

const (
	clockLimit = 2 * time.Second // how far a controller's clock may be off before the page warns
	fillLimit  = 700             // in thousandths of a journal
	certLimit  = 30              // days before its end
)

// wanted is the revocation set that every controller should have.
type wanted struct {
	known bool // the visitor may know
	upto  access.Version
	hash  string
}

func (p *Pages) wanted(ctx context.Context, v ui.Visitor) (wanted, error) {
	if !v.May(authz.CardRead) {
		return wanted{}, nil
	}
	upto, hash, err := p.config.Revocations.Standing(ctx, v.Actor())
	return wanted{true, upto, hash}, err
}

// panel is one controller in words.
type panel struct {
	device.Controller
	Standing  string // of its identity: new, opened (a token is out), enrolled, active, ended, revoked
	Never     bool   // it was never heard
	Ago       string // how long ago it was heard
	Offset    string // +0.031 秒
	Off       bool   // its clock is too far off
	Policy    figure
	Set       figure // the revocation set
	Lease     figure
	Fill      string // 1.2
	Full      bool
	DaysLeft  int // of its certificate
	CertShort bool
	Troubles  []string
	Lines     []line
}

// figure is a value with whether it is as it should be.
type figure struct {
	State string // ok, wait, other, none
	Now   string // as it is there
	Want  string // as it should be; empty: not known
	Hash  string // the beginning of the hash of what is there
	Ends  time.Time
}

// Off reports that it needs somebody's attention.
func (f figure) Off() bool { return f.State != "ok" && f.State != "none" }

func (p *Pages) panel(l message.Lang, c device.Controller, readers []device.Reader, w wanted, now time.Time) panel {
	out := panel{
		Controller: c, Standing: standing(c, now), Never: c.LastSeen.IsZero(), Off: c.OffsetOK && c.Offset.Abs() > clockLimit,
		Policy: policy(c), Set: set(c, w), Lease: p.lease(l, c, now), Fill: fmt.Sprintf("%.1f", float64(c.FillPerMil)/10), Full: c.FillPerMil >= fillLimit,
		Lines: lines(c, readers),
	}
	out.DaysLeft = int(math.Floor(c.CertificateUntil.Sub(now).Hours() / 24))
	out.CertShort = out.DaysLeft < certLimit
	for _, code := range c.Trouble {
		out.Troubles = append(out.Troubles, p.trouble(l, code))
	}
	if !out.Never {
		out.Ago = p.ago(l, now.Sub(c.LastSeen))
	}
	if c.OffsetOK {
		out.Offset = p.view.Text(l, "seconds", signed(c.Offset))
	}
	return out
}

// Live reports whether there is anything to tell but who it is.
func (p panel) Live() bool { return p.State == device.Enrolled && !p.Never }

func standing(c device.Controller, now time.Time) string {
	switch {
	case c.State == device.Revoked:
		return "revoked"
	case c.State != device.Enrolled && c.TokenUntil.After(now):
		return "opened"
	case c.State != device.Enrolled:
		return "new"
	case !c.CertificateUntil.After(now):
		return "ended"
	case c.LastSeen.IsZero():
		return "enrolled"
	default:
		return "active"
	}
}

func version(v access.Version) string { return fmt.Sprintf("%d.%d", v.Epoch, v.N) }

// policy compares versions only: content that differs under the right version gets a new one from the centre by itself.
func policy(c device.Controller) figure {
	f := figure{State: "wait", Now: version(c.Applied), Want: version(c.Wanted), Hash: short(c.PolicyHash)}
	if c.UpToDate() {
		f.State = "ok"
	}
	return f
}

// set compares the revocation set there with the centre's.
func set(c device.Controller, w wanted) figure {
	f := figure{State: "none", Now: version(c.Revoked), Hash: short(c.RevokedHash)}
	if !w.known || w.hash == "" {
		return f
	}
	f.Want = version(w.upto)
	switch {
	case w.upto.N > 0 && c.Revoked.Less(w.upto):
		f.State = "wait"
	case c.RevokedHash != w.hash:
		f.State = "other"
	default:
		f.State = "ok"
	}
	return f
}

// lease says when the centre last confirmed the controller's policy, and when staff are refused if it does not again.
func (p *Pages) lease(l message.Lang, c device.Controller, now time.Time) figure {
	if c.LeasedAt.IsZero() {
		return figure{State: "none"}
	}
	f := figure{State: "ok", Now: p.ago(l, now.Sub(c.LeasedAt)), Ends: c.LeasedAt.Add(p.config.Lease.For(access.Staff))}
	switch {
	case !now.Before(f.Ends):
		f.State = "over"
	case now.After(f.Ends.Add(-p.config.Lease.For(access.Staff) / 6)):
		f.State = "wait"
	}
	return f
}

// short is the beginning of a hash.
func short(hash string) string { return hash[:min(8, len(hash))] }

// trouble is what a controller complains of, in words where there are some.
func (p *Pages) trouble(l message.Lang, code string) string {
	key := "trouble." + code
	if s := p.view.Text(l, key); s != key {
		return s
	}
	return code
}

// signed writes an offset in hundredths of a second, with a true minus and no sign before nothing.
func signed(d time.Duration) string {
	switch s := fmt.Sprintf("%+.2f", d.Seconds()); s {
	case "+0.00", "-0.00":
		return "0.00"
	default:
		return strings.Replace(s, "-", "−", 1)
	}
}

// ago is a length of time in the largest unit that fits.
func (p *Pages) ago(l message.Lang, d time.Duration) string {
	switch {
	case d < time.Minute:
		return p.view.Text(l, "ago.seconds", max(0, int(d.Seconds())))
	case d < time.Hour:
		return p.view.Text(l, "ago.minutes", int(d.Minutes()))
	case d < 48*time.Hour:
		return p.view.Text(l, "ago.hours", int(d.Hours()))
	default:
		return p.view.Text(l, "ago.days", int(d.Hours()/24))
	}
}
