package rest

import (
	"context"
	"net/http"
	"time"

	"kanmon/api/auth"
	"kanmon/api/rest/view"
	"kanmon/lifecycle/device"
)

type controllersOut struct {
	Body struct {
		Items []view.Controller `json:"items" nullable:"false"`
	}
}

type controllerIn struct {
	Body struct {
		Name  string `json:"name" maxLength:"32" doc:"Lower case letters, digits, hyphens; its MQTT client id and the name in its certificate"`
		Place string `json:"place" maxLength:"64" doc:"Where it hangs"`
	}
}

type controllerOut struct{ Body view.Controller }

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
	out.Body.Items = view.List(all, view.NewController)
	return out, err
}

func (a *API) addController(ctx context.Context, who auth.Principal, in *controllerIn) (*controllerOut, error) {
	made, err := a.cfg.Devices.AddController(ctx, who.Actor(), device.NewController{Name: in.Body.Name, Place: in.Body.Place})
	return &controllerOut{Body: view.NewController(made)}, err
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
	out.Body.Items = view.List(all, newReaderView)
	return out, err
}

func (a *API) addReader(ctx context.Context, who auth.Principal, in *readerIn) (*readerOut, error) {
	b := in.Body
	made, err := a.cfg.Devices.AddReader(ctx, who.Actor(), device.Reader{
		Name: b.Name, Controller: b.Controller, Kind: device.Kind(b.Kind), Address: b.Address,
	})
	return &readerOut{Body: newReaderView(made)}, err
}
