// Package devices is the controllers, their readers and I/O devices, and the tokens with which they enrol.
package devices

import (
	"context"
	"time"

	"kanmon/api/auth"
	"kanmon/api/rest/frame"
	"kanmon/api/rest/view"
	"kanmon/internal/pki"
	"kanmon/internal/store"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/profile"
)

// Config is what the routes work on. All fields are needed.
type Config struct {
	Devices  *device.Register
	Profiles *profile.Register
	Tokens   Tokens
}

// Tokens opens controllers to enrolment.
type Tokens interface {
	// Token opens a controller to one enrolment until the moment returned. Needs authz.DeviceWrite.
	Token(ctx context.Context, actor store.Actor, controller string) (token pki.Token, expires time.Time, err error)
	// Fingerprint is that of the authority, as pki.CertificateFingerprint prints it.
	Fingerprint() string
}

type controllersOut struct {
	Body struct {
		Items []Controller `json:"items" nullable:"false"`
	}
}

type controllerIn struct {
	Body struct {
		Name  string `json:"name" maxLength:"32" doc:"Lower case letters, digits, hyphens; its MQTT client id and the name in its certificate"`
		Place string `json:"place" maxLength:"64" doc:"Where it hangs"`
	}
}

type controllerOut struct{ Body Controller }

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
	Kind       string `json:"kind" enum:"osdp_reader,osdp_io,pcsc_reader,serial_reader,terminal" doc:"terminal: knows people by a face or a finger"`
	Address    int    `json:"address,omitempty" minimum:"0" maximum:"126" doc:"OSDP address; other kinds have none"`
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

// Routes puts the operations on the frame.
func (cfg Config) Routes(f *frame.Frame) {
	s := f.Section("devices")
	frame.Get(s, "/controllers", "listControllers", "Controllers and how they are", cfg.controllers)
	frame.Create(s, "/controllers", "addController", "Register a controller", cfg.addController)
	frame.Create(s, "/controllers/{name}/token", "newToken", "Open a controller to one enrolment", cfg.newToken)
	frame.Post(s, "/controllers/{name}/revoke", "revokeController", "Throw a controller out at once", cfg.revokeController)
	frame.Get(s, "/readers", "listReaders", "Readers and I/O devices", cfg.readers)
	frame.Create(s, "/readers", "addReader", "Register a reader or I/O device", cfg.addReader)
	cfg.profileRoutes(s)
}

func (cfg Config) controllers(ctx context.Context, who auth.Principal, _ *struct{}) (*controllersOut, error) {
	all, err := cfg.Devices.Controllers(ctx, who.Actor())
	out := &controllersOut{}
	out.Body.Items = view.List(all, newController)
	return out, err
}

func (cfg Config) addController(ctx context.Context, who auth.Principal, in *controllerIn) (*controllerOut, error) {
	made, err := cfg.Devices.AddController(ctx, who.Actor(), device.NewController{Name: in.Body.Name, Place: in.Body.Place})
	return &controllerOut{Body: newController(made)}, err
}

func (cfg Config) newToken(ctx context.Context, who auth.Principal, in *controllerName) (*tokenForOut, error) {
	token, expires, err := cfg.Tokens.Token(ctx, who.Actor(), in.Name)
	out := &tokenForOut{CacheControl: "no-store"}
	out.Body.Token, out.Body.Expires, out.Body.CAFingerprint = token.Reveal(), expires.UTC(), cfg.Tokens.Fingerprint()
	return out, err
}

func (cfg Config) revokeController(ctx context.Context, who auth.Principal, in *revokeControllerIn) (*struct{}, error) {
	return nil, cfg.Devices.RevokeController(ctx, who.Actor(), in.Name, in.Body.Reason)
}

func (cfg Config) readers(ctx context.Context, who auth.Principal, in *readerFilter) (*readersOut, error) {
	all, err := cfg.Devices.Readers(ctx, who.Actor(), in.Controller)
	out := &readersOut{}
	out.Body.Items = view.List(all, newReaderView)
	return out, err
}

func (cfg Config) addReader(ctx context.Context, who auth.Principal, in *readerIn) (*readerOut, error) {
	b := in.Body
	made, err := cfg.Devices.AddReader(ctx, who.Actor(), device.Reader{
		Name: b.Name, Controller: b.Controller, Kind: device.Kind(b.Kind), Address: b.Address,
	})
	return &readerOut{Body: newReaderView(made)}, err
}
