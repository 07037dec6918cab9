package rest

import (
	"context"
	"net/http"

	"kanmon/api/auth"
	"kanmon/internal/store"
)

type healthOut struct {
	Body struct {
		Status string `json:"status" doc:"ok"`
	}
}

type versionOut struct {
	Body struct {
		Site      string `json:"site"`
		Software  string `json:"software"`
		Interface string `json:"interface" doc:"Version of this document"`
	}
}

func serviceRoutes(a *API) {
	add(a, route{http.MethodGet, "/healthz", "health", "service", "Is the centre able to serve?", 0}, a.health)
	add(a, route{http.MethodGet, "/version", "version", "service", "What runs here", 0}, a.version)
}

// health reads from the database: a centre without one is not healthy.
func (a *API) health(ctx context.Context, _ auth.Principal, _ *struct{}) (*healthOut, error) {
	out := &healthOut{}
	out.Body.Status = "ok"
	return out, a.cfg.Store.Read(ctx, func(q store.Queryer) error {
		var one int64
		return q.Get(ctx, &one, `SELECT 1`)
	})
}

func (a *API) version(context.Context, auth.Principal, *struct{}) (*versionOut, error) {
	out := &versionOut{}
	out.Body.Site, out.Body.Software, out.Body.Interface = a.cfg.Site, a.cfg.Software, SpecVersion
	return out, nil
}
