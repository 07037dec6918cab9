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
	Name       string         `json:"name"`
	Place      string         `json:"place"`
	Version    int64          `json:"version"`
	Online     bool           `json:"online"`
	LastSeen   *time.Time     `json:"last_seen,omitempty" doc:"Left out: never"`
	OffsetMS   *int64         `json:"offset_ms,omitempty" doc:"Its clock minus ours; left out: it never told its time"`
	Backlog    uint64         `json:"backlog" doc:"Events it has that the centre did not acknowledge"`
	UpToDate   bool           `json:"up_to_date" doc:"It said that it applied the policy it should have"`
	Applied    access.Version `json:"applied"`
	Wanted     access.Version `json:"wanted"`
	PolicyHash string         `json:"policy_hash,omitempty"`
	Software   string         `json:"software,omitempty"`
	Devices    []deviceState  `json:"devices" nullable:"false"`
	Doors      []doorState    `json:"doors" nullable:"false"`
	Trouble    []string       `json:"trouble" nullable:"false"`
}

func newControllerView(c device.Controller) ControllerView {
	v := ControllerView{
		Name: c.Name, Place: c.Place, Version: c.Version, Online: c.Online, LastSeen: moment(c.LastSeen),
		Backlog: c.Backlog, UpToDate: c.UpToDate(), Applied: c.Applied, Wanted: c.Wanted, PolicyHash: c.PolicyHash,
		Software: c.Software,
		Devices:  views(c.Devices, func(d device.Attached) deviceState { return deviceState(d) }),
		Doors:    views(c.Doors, func(d device.DoorState) doorState { return doorState(d) }),
		Trouble:  append([]string{}, c.Trouble...),
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
		Name  string `json:"name" maxLength:"32" doc:"Lower case letters, digits, hyphens; its MQTT user name"`
		Place string `json:"place" maxLength:"64" doc:"Where it hangs"`
	}
}

type newControllerOut struct {
	CacheControl string `header:"Cache-Control"`
	Body         struct {
		Secret string `json:"secret" doc:"Its MQTT password. It cannot be read again"`
		ControllerView
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
	add(a, route{http.MethodPost, "/controllers", "addController", "devices", "Register a controller; answers its secret once", http.StatusCreated}, a.addController)
	add(a, route{http.MethodGet, "/readers", "listReaders", "devices", "Readers and I/O devices", 0}, a.readers)
	add(a, route{http.MethodPost, "/readers", "addReader", "devices", "Register a reader or I/O device", http.StatusCreated}, a.addReader)
}

func (a *API) controllers(ctx context.Context, who auth.Principal, _ *struct{}) (*controllersOut, error) {
	all, err := a.cfg.Devices.Controllers(ctx, who.Actor())
	out := &controllersOut{}
	out.Body.Items = views(all, newControllerView)
	return out, err
}

func (a *API) addController(ctx context.Context, who auth.Principal, in *controllerIn) (*newControllerOut, error) {
	made, secret, err := a.cfg.Devices.AddController(ctx, who.Actor(),
		device.NewController{Name: in.Body.Name, Place: in.Body.Place})
	out := &newControllerOut{CacheControl: "no-store"}
	out.Body.Secret, out.Body.ControllerView = secret.Reveal(), newControllerView(made)
	return out, err
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
