package rest

import (
	"context"
	"net/http"
	"time"

	"kanmon/api/auth"
	"kanmon/internal/access"
	"kanmon/lifecycle/device"
)

type deviceState struct {
	Name   string `json:"name"`
	Online bool   `json:"online"`
	Secure bool   `json:"secure" doc:"Its secure channel stands"`
	Detail string `json:"detail,omitempty"`
}

type doorState struct {
	ID    string `json:"id"`
	State string `json:"state"`
}

// ControllerView is a controller in an answer.
type ControllerView struct {
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
	Devices     []deviceState  `json:"devices" nullable:"false"`
	Doors       []doorState    `json:"doors" nullable:"false"`
	Trouble     []string       `json:"trouble" nullable:"false"`
	IdentityView
}

// IdentityView is what a controller proves itself with.
type IdentityView struct {
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

func newIdentityView(i device.Identity) IdentityView {
	return IdentityView{
		State: string(i.State), KeyID: i.KeyID, Fingerprint: i.Fingerprint, Serial: i.CertificateSerial,
		Issued: moment(i.CertificateIssued), Until: moment(i.CertificateUntil), RevokedAt: moment(i.RevokedAt),
		RevokedReason: i.RevokedReason, TokenUntil: moment(i.TokenUntil),
	}
}

func newControllerView(c device.Controller) ControllerView {
	v := ControllerView{
		Name: c.Name, Place: c.Place, Version: c.Version, Online: c.Online, LastSeen: moment(c.LastSeen),
		Backlog: c.Backlog, FillPerMil: c.FillPerMil, UpToDate: c.UpToDate(), Applied: c.Applied, Wanted: c.Wanted,
		PolicyHash: c.PolicyHash, Revocations: c.Revoked, RevokedHash: c.RevokedHash, LeasedAt: moment(c.LeasedAt),
		LeaseAgeS: int64(c.LeaseAge / time.Second), Software: c.Software,
		Devices:      views(c.Devices, func(d device.Attached) deviceState { return deviceState(d) }),
		Doors:        views(c.Doors, func(d device.DoorState) doorState { return doorState(d) }),
		Trouble:      append([]string{}, c.Trouble...),
		IdentityView: newIdentityView(c.Identity),
	}
	if c.OffsetOK {
		ms := c.Offset.Milliseconds()
		v.OffsetMS = &ms
	}
	return v
}

type controllersOut struct {
	Body struct {
		Items []ControllerView `json:"items" nullable:"false"`
	}
}

type controllerIn struct {
	Body struct {
		Name  string `json:"name" maxLength:"32" doc:"Lower case letters, digits, hyphens; its MQTT client id and the name in its certificate"`
		Place string `json:"place" maxLength:"64" doc:"Where it hangs"`
	}
}

type controllerOut struct{ Body ControllerView }

type tokenForOut struct {
	CacheControl string `header:"Cache-Control"`
	Body         struct {
		Token         string    `json:"token" doc:"For one enrolment. It cannot be read again; a new one takes its place"`
		Expires       time.Time `json:"expires"`
		CAFingerprint string    `json:"ca_fingerprint" doc:"Of the authority that the token names, as the controller will show it"`
	}
}

type controllerName struct {
	Name string `path:"name" maxLength:"32"`
}

type revokeControllerIn struct {
	Name string `path:"name" maxLength:"32"`
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"200" doc:"Why; it goes into the history"`
	}
}

// ReaderBody is what is entered about a reader or I/O device.
type ReaderBody struct {
	Name       string `json:"name" maxLength:"32" doc:"Unique on its controller"`
	Controller string `json:"controller" maxLength:"32"`
	Kind       string `json:"kind" enum:"osdp_reader,osdp_io"`
	Address    int    `json:"address" minimum:"0" maximum:"126" doc:"OSDP address"`
}

type readerView struct {
	ReaderBody
	Version int64 `json:"version"`
}

func newReaderView(d device.Reader) readerView {
	return readerView{
		ReaderBody{Name: d.Name, Controller: d.Controller, Kind: string(d.Kind), Address: d.Address}, d.Version,
	}
}

type (
	readerIn   struct{ Body ReaderBody }
	readerOut  struct{ Body readerView }
	readersOut struct {
		Body struct {
			Items []readerView `json:"items" nullable:"false"`
		}
	}
)

type readerFilter struct {
	Controller string `query:"controller" maxLength:"32"`
}

func deviceRoutes(a *API) {
	add(a, route{http.MethodGet, "/controllers", "listControllers", "devices", "Controllers and how they are", 0}, a.controllers)
	add(a, route{http.MethodPost, "/controllers", "addController", "devices", "Register a controller", http.StatusCreated}, a.addController)
	add(a, route{http.MethodPost, "/controllers/{name}/token", "newToken", "devices", "Open a controller to one enrolment", http.StatusCreated}, a.newToken)
	add(a, route{http.MethodPost, "/controllers/{name}/revoke", "revokeController", "devices", "Throw a controller out at once", http.StatusNoContent}, a.revokeController)
	add(a, route{http.MethodGet, "/readers", "listReaders", "devices", "Readers and I/O devices", 0}, a.readers)
	add(a, route{http.MethodPost, "/readers", "addReader", "devices", "Register a reader or I/O device", http.StatusCreated}, a.addReader)
}

func (a *API) controllers(ctx context.Context, who auth.Principal, _ *struct{}) (*controllersOut, error) {
	all, err := a.cfg.Devices.Controllers(ctx, who.Actor())
	out := &controllersOut{}
	out.Body.Items = views(all, newControllerView)
	return out, err
}

func (a *API) addController(ctx context.Context, who auth.Principal, in *controllerIn) (*controllerOut, error) {
	made, err := a.cfg.Devices.AddController(ctx, who.Actor(), device.NewController{Name: in.Body.Name, Place: in.Body.Place})
	return &controllerOut{Body: newControllerView(made)}, err
}

func (a *API) newToken(ctx context.Context, who auth.Principal, in *controllerName) (*tokenForOut, error) {
	token, expires, err := a.cfg.Enrolment.Token(ctx, who.Actor(), in.Name)
	out := &tokenForOut{CacheControl: "no-store"}
	out.Body.Token, out.Body.Expires, out.Body.CAFingerprint = token.Reveal(), expires.UTC(), a.cfg.Enrolment.Fingerprint()
	return out, err
}

func (a *API) revokeController(ctx context.Context, who auth.Principal, in *revokeControllerIn) (*struct{}, error) {
	return nil, a.cfg.Devices.RevokeController(ctx, who.Actor(), in.Name, in.Body.Reason)
}

func (a *API) readers(ctx context.Context, who auth.Principal, in *readerFilter) (*readersOut, error) {
	all, err := a.cfg.Devices.Readers(ctx, who.Actor(), in.Controller)
	out := &readersOut{}
	out.Body.Items = views(all, newReaderView)
	return out, err
}

func (a *API) addReader(ctx context.Context, who auth.Principal, in *readerIn) (*readerOut, error) {
	b := in.Body
	made, err := a.cfg.Devices.AddReader(ctx, who.Actor(), device.Reader{
		Name: b.Name, Controller: b.Controller, Kind: device.Kind(b.Kind), Address: b.Address,
	})
	return &readerOut{Body: newReaderView(made)}, err
}
