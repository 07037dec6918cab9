package consoletest

import (
	"cmp"
	"context"
	"strings"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/internal/pki"
	"kanmon/internal/store"
	"kanmon/lifecycle/device"
)

// Devices is a register of devices in memory: one controller that is well, one that is cut off and in trouble, one enrolled and never heard,
// one with a token out, one new, one revoked.
type Devices struct {
	Hostile string
	Revoked *string // the reason of the last revocation, where it is not nil
	Added   *AddedDevice
}

// AddedDevice is what was entered last, and the answer.
type AddedDevice struct {
	Controller device.NewController
	Reader     device.Reader
	Fail       error
}

const fingerprint = "3f9c 0b7d 5e21 a8d4 6c1f 902e 7b3a d5c8 14e6 f07a 9d2b 83c5 e61f 4a70 b9d8 25c3"

func identity(serial string, days int) device.Identity {
	return device.Identity{
		State: device.Enrolled, KeyID: "9f2c41d07ab35e18", Fingerprint: fingerprint, CertificateSerial: serial,
		CertificateIssued: Now.AddDate(0, 0, days-180), CertificateUntil: Now.AddDate(0, 0, days),
	}
}

// Controllers implements devices.Devices.
func (d Devices) Controllers(context.Context, store.Actor) ([]device.Controller, error) {
	v := access.Version{Epoch: 1, N: 7}
	gone := identity("0f31", 90)
	gone.State, gone.RevokedAt, gone.RevokedReason = device.Revoked, Now.Add(-50*time.Hour), cmp.Or(d.Hostile, "盗難")
	return []device.Controller{
		{
			Name: "ctl-1", Place: cmp.Or(d.Hostile, "本庁舎3階 電気室"), Online: true, LastSeen: Now.Add(-4 * time.Second), Offset: 31 * time.Millisecond, OffsetOK: true,
			Identity: identity("0e01", 163), Applied: v, Wanted: v, PolicyHash: "5e21a8d46c1f902e7b3a", Software: "0.1.0",
			Revoked: version(3), RevokedHash: "c0ffee5e7", LeasedAt: Now.Add(-4 * time.Second), FillPerMil: 12, Kept: 4120,
			Devices: []device.Attached{
				{Name: "IN-1", Online: true, Secure: true},
				{Name: "IN-2", Online: false, Detail: cmp.Or(d.Hostile, "応答なし")},
				{Name: "IO-1", Online: true, Secure: true},
				{Name: "IN-9", Online: true},
			},
		},
		{
			Name: "ctl-2", Place: "文書館", LastSeen: Now.Add(-72 * time.Minute), Offset: -3400 * time.Millisecond, OffsetOK: true, Backlog: 128,
			Identity: identity("0e02", 6), Applied: access.Version{Epoch: 1, N: 6}, Wanted: v, PolicyHash: "90aa12", Trouble: []string{cmp.Or(d.Hostile, "journal_filling"), "odd_new_code"},
			Revoked: version(2), RevokedHash: "1234567890", LeasedAt: Now.Add(-72 * time.Minute), FillPerMil: 834, Kept: 83400,
		},
		{Name: "ctl-3", Place: "別館", Identity: identity("0e03", 180), Wanted: v},
		{Name: "ctl-4", Place: "車庫", Identity: device.Identity{State: device.Registered, TokenUntil: Now.Add(20 * time.Hour)}, Wanted: v},
		{Name: "ctl-5", Place: "倉庫", Identity: device.Identity{State: device.Registered}, Wanted: v},
		{Name: "ctl-6", Place: "旧館", Identity: gone, Wanted: v},
	}, nil
}

// Controller implements devices.Devices.
func (d Devices) Controller(ctx context.Context, actor store.Actor, name string) (device.Controller, error) {
	all, err := d.Controllers(ctx, actor)
	for _, c := range all {
		if c.Name == name {
			return c, err
		}
	}
	return device.Controller{}, fault.New(fault.NotFound, "device.unknown_controller", "no such controller")
}

// Readers implements devices.Devices.
func (d Devices) Readers(context.Context, store.Actor, string) ([]device.Reader, error) {
	return []device.Reader{
		{Name: "IN-1", Controller: "ctl-1", Kind: device.OSDPReader, Address: 1},
		{Name: "IN-2", Controller: "ctl-1", Kind: device.OSDPReader, Address: 2},
		{Name: "IO-1", Controller: "ctl-1", Kind: device.OSDPIO, Address: 3},
		{Name: "OUT-2", Controller: "ctl-1", Kind: device.OSDPReader, Address: 4},
		{Name: "IN-3", Controller: "ctl-2", Kind: device.OSDPReader, Address: 1},
	}, nil
}

// AddController implements devices.Devices.
func (d Devices) AddController(_ context.Context, _ store.Actor, n device.NewController) (device.Controller, error) {
	if d.Added == nil {
		return device.Controller{Name: n.Name}, nil
	}
	d.Added.Controller = n
	return device.Controller{Name: n.Name}, d.Added.Fail
}

// AddReader implements devices.Devices.
func (d Devices) AddReader(_ context.Context, _ store.Actor, r device.Reader) (device.Reader, error) {
	if d.Added == nil {
		return r, nil
	}
	d.Added.Reader = r
	return r, d.Added.Fail
}

// RevokeController implements devices.Devices.
func (d Devices) RevokeController(ctx context.Context, actor store.Actor, name, reason string) error {
	c, err := d.Controller(ctx, actor, name)
	switch {
	case err != nil:
		return err
	case reason == "":
		return fault.BadField("reason", "field.required", "no reason")
	case c.State == device.Revoked:
		return fault.New(fault.Conflict, "device.already_revoked", "revoked already")
	}
	if d.Revoked != nil {
		*d.Revoked = reason
	}
	return nil
}

// Enrolment makes tokens that are always the same.
type Enrolment struct{}

// TokenText is the token that Enrolment makes.
var TokenText = "abcde-fghjk-mnpqr-stuvw." + strings.Repeat("0b7d", 8)

// Token implements devices.Enrolment.
func (Enrolment) Token(ctx context.Context, actor store.Actor, controller string) (pki.Token, time.Time, error) {
	if _, err := (Devices{}).Controller(ctx, actor, controller); err != nil {
		return pki.Token{}, time.Time{}, err
	}
	token, err := pki.ParseToken(TokenText)
	return token, Now.Add(pki.TokenTime), err
}

// Fingerprint implements devices.Enrolment.
func (Enrolment) Fingerprint() string { return strings.ToUpper(fingerprint) }
