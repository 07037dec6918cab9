// Package approvals is the requests that wait for a second person.
package approvals

import (
	"context"

	"kanmon/api/auth"
	"kanmon/api/rest/frame"
	"kanmon/api/rest/view"
	"kanmon/lifecycle/approval"
)

// Config is what the routes work on. All fields are needed.
type Config struct {
	Approvals *approval.Register
}

type filter struct {
	State string `query:"state" enum:"pending,approved,refused,withdrawn,stale"`
	About string `query:"about" maxLength:"64" doc:"Such as an area's id"`
	After string `query:"after" maxLength:"64" doc:"The last id of the page before"`
	Limit int    `query:"limit" minimum:"0" maximum:"500" doc:"0: 100"`
}

type (
	requestID struct {
		ID string `path:"id" maxLength:"64"`
	}
	decision struct {
		ID   string `path:"id" maxLength:"64"`
		Body struct {
			Note string `json:"note,omitempty" maxLength:"200" doc:"Needed to refuse"`
		}
	}
	approveMany struct {
		Body struct {
			IDs  []string `json:"ids" nullable:"false" minItems:"1" maxItems:"500"`
			Note string   `json:"note,omitempty" maxLength:"200"`
		}
	}
	requestOut  struct{ Body view.Approval }
	requestsOut struct {
		Body struct {
			Items []view.Approval `json:"items" nullable:"false"`
		}
	}
)

// Routes puts the operations on the frame.
func (cfg Config) Routes(f *frame.Frame) {
	s := f.Section("approvals")
	frame.Get(s, "/approvals", "listApprovals", "Changes that wait for a second person, or waited; newest first", cfg.list)
	frame.Get(s, "/approvals/{id}", "getApproval", "One of them", cfg.get)
	frame.Post(s, "/approvals/approve", "approveMany", "Approve several in one transaction: all or none", cfg.approveMany)
	frame.Post(s, "/approvals/{id}/approve", "approve", "Approve and apply it; needs the right to the change itself, and not one's own", cfg.approve)
	frame.Post(s, "/approvals/{id}/refuse", "refuse", "Refuse it", cfg.refuse)
	frame.Post(s, "/approvals/{id}/withdraw", "withdrawApproval", "Withdraw one's own", cfg.withdraw)
}

func (cfg Config) list(ctx context.Context, who auth.Principal, in *filter) (*requestsOut, error) {
	all, err := cfg.Approvals.List(ctx, who.Actor(), approval.Filter{State: approval.State(in.State), About: in.About, After: in.After, Limit: in.Limit})
	return newRequests(all), err
}

func newRequests(all []approval.Request) *requestsOut {
	out := &requestsOut{}
	out.Body.Items = view.List(all, view.NewApproval)
	return out
}

func (cfg Config) get(ctx context.Context, who auth.Principal, in *requestID) (*requestOut, error) {
	req, err := cfg.Approvals.Get(ctx, who.Actor(), in.ID)
	return &requestOut{view.NewApproval(req)}, err
}

func (cfg Config) approveMany(ctx context.Context, who auth.Principal, in *approveMany) (*requestsOut, error) {
	done, err := cfg.Approvals.Approve(ctx, who.Actor(), in.Body.Note, in.Body.IDs...)
	return newRequests(done), err
}

func (cfg Config) approve(ctx context.Context, who auth.Principal, in *decision) (*requestOut, error) {
	done, err := cfg.Approvals.Approve(ctx, who.Actor(), in.Body.Note, in.ID)
	if err != nil {
		return nil, err
	}
	return &requestOut{view.NewApproval(done[0])}, nil
}

func (cfg Config) refuse(ctx context.Context, who auth.Principal, in *decision) (*requestOut, error) {
	done, err := cfg.Approvals.Refuse(ctx, who.Actor(), in.ID, in.Body.Note)
	return &requestOut{view.NewApproval(done)}, err
}

func (cfg Config) withdraw(ctx context.Context, who auth.Principal, in *decision) (*requestOut, error) {
	done, err := cfg.Approvals.Withdraw(ctx, who.Actor(), in.ID, in.Body.Note)
	return &requestOut{view.NewApproval(done)}, err
}
