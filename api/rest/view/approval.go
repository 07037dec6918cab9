package view

import (
	"time"

	"kanmon/lifecycle/approval"
)

// Approval is a change that waits for a second person, or waited.
type Approval struct {
	ID        string     `json:"id"`
	State     string     `json:"state" enum:"pending,approved,refused,withdrawn,stale"`
	Register  string     `json:"register"`
	Kind      string     `json:"kind" doc:"Such as area.change"`
	Subject   string     `json:"subject" doc:"Id of what changes"`
	About     string     `json:"about,omitempty" doc:"What it is listed under besides, such as the area"`
	Before    string     `json:"before,omitempty" doc:"The subject when it was asked for, as JSON in a text; left out for something new"`
	Change    string     `json:"change" doc:"What it is to become, as JSON in a text"`
	Reason    string     `json:"reason,omitempty"`
	Applicant string     `json:"applicant"`
	At        time.Time  `json:"at"`
	Decider   string     `json:"decider,omitempty"`
	DecidedAt *time.Time `json:"decided_at,omitempty"`
	Note      string     `json:"note,omitempty" doc:"In the words of the decider"`
}

// NewApproval shows one.
func NewApproval(r approval.Request) Approval {
	return Approval{
		ID: r.ID, State: string(r.State), Register: r.Register, Kind: r.Kind, Subject: r.Subject, About: r.About, Before: r.Before, Change: r.Body,
		Reason: r.Reason, Applicant: r.Applicant, At: r.At.UTC(), Decider: r.Decider, DecidedAt: Moment(r.DecidedAt), Note: r.Note,
	}
}
