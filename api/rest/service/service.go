// Package service is how the centre is and what runs there.
package service

import (
	"context"

	"kanmon/api/auth"
	"kanmon/api/rest/frame"
	"kanmon/internal/store"
)

// Config is what the routes work on. All fields are needed.
type Config struct {
	Store     *store.Store
	Site      string // the site's name
	Software  string // the program's version
	Interface string // the document's version
}

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

// Routes puts the operations on the frame.
func (cfg Config) Routes(f *frame.Frame) {
	s := f.Section("service")
	frame.Get(s, "/healthz", "health", "Is the centre able to serve?", cfg.health)
	frame.Get(s, "/version", "version", "What runs here", cfg.version)
}

// health reads from the database: a centre without one is not healthy.
func (cfg Config) health(ctx context.Context, _ auth.Principal, _ *struct{}) (*healthOut, error) {
	out := &healthOut{}
	out.Body.Status = "ok"
	return out, cfg.Store.Read(ctx, func(q store.Queryer) error {
		var one int64
		return q.Get(ctx, &one, `SELECT 1`)
	})
}

func (cfg Config) version(context.Context, auth.Principal, *struct{}) (*versionOut, error) {
	out := &versionOut{}
	out.Body.Site, out.Body.Software, out.Body.Interface = cfg.Site, cfg.Software, cfg.Interface
	return out, nil
}
