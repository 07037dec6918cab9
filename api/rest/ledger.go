package rest

import (
	"context"
	"encoding/base64"
	"net/http"

	"kanmon/api/auth"
	"kanmon/api/rest/view"
	"kanmon/internal/store"
)

type checkpointOut struct {
	Body struct {
		Origin string `json:"origin"`
		Size   int64  `json:"size" doc:"How many leaves it covers"`
		Root   string `json:"root" doc:"Base64"`
		Note   string `json:"note" doc:"The signed checkpoint (C2SP tlog-checkpoint), to be kept elsewhere"`
	}
}

type findingView struct {
	Problem string `json:"problem"`
	Table   string `json:"table,omitempty"`
	Key     string `json:"key,omitempty"`
	Leaf    *int64 `json:"leaf,omitempty"`
	Detail  string `json:"detail,omitempty"`
}

func newFindingView(f store.Finding) findingView {
	v := findingView{Problem: string(f.Problem), Table: f.Table, Key: f.Key, Detail: f.Detail}
	if f.Leaf != store.NoLeaf {
		v.Leaf = &f.Leaf
	}
	return v
}

type verifyOut struct {
	Body struct {
		OK          bool          `json:"ok"`
		Origin      string        `json:"origin"`
		Leaves      int64         `json:"leaves"`
		Root        string        `json:"root" doc:"Base64, recomputed from the leaves"`
		Rows        int64         `json:"rows" doc:"Rows hashed again and held against their leaf"`
		Checkpoints int64         `json:"checkpoints"`
		Found       int64         `json:"found" doc:"How much is wrong"`
		Findings    []findingView `json:"findings" nullable:"false" doc:"The first of it"`
	}
}

func ledgerRoutes(a *API) {
	add(a, route{http.MethodGet, "/ledger/checkpoint", "checkpoint", "ledger", "The newest signed checkpoint", 0}, a.checkpoint)
	add(a, route{http.MethodGet, "/ledger/verify", "verify", "ledger", "Recompute the tree and hold every row against it", 0}, a.verify)
}

func (a *API) checkpoint(ctx context.Context, _ auth.Principal, _ *struct{}) (*checkpointOut, error) {
	c, note, err := a.cfg.Store.Checkpoint(ctx)
	if err != nil {
		return nil, err
	}
	out := &checkpointOut{}
	out.Body.Origin, out.Body.Size, out.Body.Note = c.Origin, c.Size, string(note)
	out.Body.Root = base64.StdEncoding.EncodeToString(c.Root[:])
	return out, nil
}

func (a *API) verify(ctx context.Context, _ auth.Principal, _ *struct{}) (*verifyOut, error) {
	r, err := a.cfg.Store.Verify(ctx)
	if err != nil {
		return nil, err
	}
	out := &verifyOut{}
	out.Body.OK, out.Body.Origin, out.Body.Leaves, out.Body.Rows = r.OK(), r.Origin, r.Leaves, r.Rows
	out.Body.Root = base64.StdEncoding.EncodeToString(r.Root[:])
	out.Body.Checkpoints, out.Body.Found = r.Checkpoints, r.Found
	out.Body.Findings = view.List(r.Findings, newFindingView)
	return out, nil
}
