package devices

import (
	"time"

	"kanmon/api/rest/view"
	"kanmon/internal/access"
	"kanmon/lifecycle/device"
)

// Attached is a device on a controller's line, as the controller sees it.
type Attached struct {
	Name   string `json:"name"`
	Online bool   `json:"online"`
	Secure bool   `json:"secure" doc:"Its secure channel stands"`
	Detail string `json:"detail,omitempty"`
}

// DoorState is a door as its controller sees it.
type DoorState struct {
	ID    string `json:"id"`
	State string `json:"state"`
}

// Controller is a controller in an answer.
type Controller struct {
	Name        string         `json:"name"`
	Place       string         `json:"place"`
	Version     int64          `json:"version"`
	Online      bool           `json:"online"`
	LastSeen    *time.Time     `json:"last_seen,omitempty" doc:"Left out: never"`
	OffsetMS    *int64         `json:"offset_ms,omitempty" doc:"Its clock minus ours; left out: it never told its time"`
	Backlog     uint64         `json:"backlog" doc:"Events it has that the centre did not acknowledge"`
	FillPerMil  int            `json:"fill_per_mil" doc:"How full its room for events is, in thousandths"`
	UpToDate    bool           `json:"up_to_date" doc:"It said that it applied the policy it should have"`
	Applied     access.Version `json:"applied"`
	Wanted      access.Version `json:"wanted"`
	PolicyHash  string         `json:"policy_hash,omitempty"`
	Revocations access.Version `json:"revocations" doc:"Up to here it refuses revoked cards, now and after a restart"`
	RevokedHash string         `json:"revocations_hash,omitempty" doc:"Of the set in force there"`
	LeasedAt    *time.Time     `json:"leased_at,omitempty" doc:"When the centre last confirmed its policy; left out: never"`
	LeaseAgeS   int64          `json:"lease_age_s" doc:"How long ago it was confirmed, as it said itself, in seconds"`
	Software    string         `json:"software,omitempty"`
	Devices     []Attached     `json:"devices" nullable:"false"`
	Doors       []DoorState    `json:"doors" nullable:"false"`
	Trouble     []string       `json:"trouble" nullable:"false"`
	Identity
}

// Identity is what a controller proves itself with.
type Identity struct {
	State         string     `json:"state" enum:"registered,enrolled,revoked"`
	KeyID         string     `json:"key_id,omitempty" doc:"Of the key it signs with"`
	Fingerprint   string     `json:"fingerprint,omitempty" doc:"As it was shown at the controller when it enrolled"`
	Serial        string     `json:"certificate_serial,omitempty" doc:"Hex"`
	Issued        *time.Time `json:"certificate_issued,omitempty"`
	Until         *time.Time `json:"certificate_until,omitempty"`
	RevokedAt     *time.Time `json:"revoked_at,omitempty"`
	RevokedReason string     `json:"revoked_reason,omitempty"`
	TokenUntil    *time.Time `json:"token_until,omitempty" doc:"End of an enrolment token that was not used yet"`
}

func newIdentity(i device.Identity) Identity {
	return Identity{
		State: string(i.State), KeyID: i.KeyID, Fingerprint: i.Fingerprint, Serial: i.CertificateSerial,
		Issued: view.Moment(i.CertificateIssued), Until: view.Moment(i.CertificateUntil), RevokedAt: view.Moment(i.RevokedAt),
		RevokedReason: i.RevokedReason, TokenUntil: view.Moment(i.TokenUntil),
	}
}

// newController shows one.
func newController(c device.Controller) Controller {
	v := Controller{
		Name: c.Name, Place: c.Place, Version: c.Version, Online: c.Online, LastSeen: view.Moment(c.LastSeen),
		Backlog: c.Backlog, FillPerMil: c.FillPerMil, UpToDate: c.UpToDate(), Applied: c.Applied, Wanted: c.Wanted,
		PolicyHash: c.PolicyHash, Revocations: c.Revoked, RevokedHash: c.RevokedHash, LeasedAt: view.Moment(c.LeasedAt),
		LeaseAgeS: int64(c.LeaseAge / time.Second), Software: c.Software,
		Devices:  view.List(c.Devices, func(d device.Attached) Attached { return Attached(d) }),
		Doors:    view.List(c.Doors, func(d device.DoorState) DoorState { return DoorState(d) }),
		Trouble:  append([]string{}, c.Trouble...),
		Identity: newIdentity(c.Identity),
	}
	if c.OffsetOK {
		ms := c.Offset.Milliseconds()
		v.OffsetMS = &ms
	}
	return v
}
