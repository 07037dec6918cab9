// Package ledger is the ledger: its signed checkpoint, and the proof of every row.
package ledger

import (
	"context"
	"encoding/base64"
	"slices"

	"kanmon/api/auth"
	"kanmon/api/rest/frame"
	"kanmon/api/rest/view"
	"kanmon/internal/store"
)

// Config is what the routes work on. All fields are needed.
type Config struct {
	Store *store.Store
}

type checkpointOut struct {
	Body struct {
		Origin   string          `json:"origin"`
		Size     int64           `json:"size" doc:"How many leaves it covers"`
		Root     string          `json:"root" doc:"Base64"`
		Note     string          `json:"note" doc:"The signed checkpoint (C2SP tlog-checkpoint), to be kept elsewhere"`
		Verifier string          `json:"verifier" doc:"The public key of the origin, in note form; to be kept with the note"`
		Earlier  []formerKeyView `json:"earlier" nullable:"false" doc:"The keys that sign no more, oldest first"`
	}
}

type formerKeyView struct {
	Origin   string `json:"origin"`
	Verifier string `json:"verifier" doc:"The public key, in note form: it checks what was signed under this origin"`
	Farewell string `json:"farewell" doc:"Signed note of this key: how many leaves it signed at most, and the key after it"`
}

func newFormerKeyView(k store.CheckpointKey) formerKeyView {
	return formerKeyView{Origin: k.Origin, Verifier: k.Verifier, Farewell: k.Farewell}
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

// Routes puts the operations on the frame.
func (cfg Config) Routes(f *frame.Frame) {
	s := f.Section("ledger")
	frame.Get(s, "/ledger/checkpoint", "checkpoint", "The newest signed checkpoint", cfg.checkpoint)
	frame.Get(s, "/ledger/verify", "verify", "Recompute the tree and hold every row against it", cfg.verify)
}

func (cfg Config) checkpoint(ctx context.Context, _ auth.Principal, _ *struct{}) (*checkpointOut, error) {
	c, note, err := cfg.Store.Checkpoint(ctx)
	if err != nil {
		return nil, err
	}
	out := &checkpointOut{}
	out.Body.Origin, out.Body.Size, out.Body.Note = c.Origin, c.Size, string(note)
	out.Body.Root = base64.StdEncoding.EncodeToString(c.Root[:])
	keys := cfg.Store.CheckpointKeys()
	if i := slices.IndexFunc(keys, func(k store.CheckpointKey) bool { return k.Origin == c.Origin }); i >= 0 {
		out.Body.Verifier = keys[i].Verifier
	}
	out.Body.Earlier = view.List(keys[:len(keys)-1], newFormerKeyView)
	return out, nil
}

func (cfg Config) verify(ctx context.Context, _ auth.Principal, _ *struct{}) (*verifyOut, error) {
	r, err := cfg.Store.Verify(ctx)
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
