// Package approval is the second person (Art. 14): who applies for a change does not approve it. It is the one place that says so, for every register.
//
// A register says of each kind of change how it is checked and applied (Handle), and gives a change to Submit in its transaction. Where one person is
// enough, the change is applied there and then. Where two are needed it is kept as a request, and applied in the transaction in which somebody
// else approves it, who must have the right to make that change alone. The rows it writes bear the name and the reason of who asked, and in
// approved_by who approved.
//
// A request that was made for a version of a thing is void once the thing has another, or what the change leans on has: it is stale.
//
// As long as one person only can make a kind of change there is nobody to approve it, and a city could not be set up. Until the moment at
// which a second person has an account with the right for the first time, changes are applied at once and marked "set-up" in approved_by. After that
// moment, never again, whoever leaves.
package approval

import (
	"context"
	"sync"
	"time"

	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/store"
)

// SetUp stands in approved_by of a change that needed two people when there was only one.
const SetUp = "set-up"

// State of a request.
type State string

// States. What is not Pending is final.
const (
	Pending   State = "pending"
	Approved  State = "approved"
	Refused   State = "refused"
	Withdrawn State = "withdrawn" // by who asked
	Stale     State = "stale"     // the subject changed before somebody approved
)

// Change is what somebody wants to have changed.
type Change struct {
	Register string // such as "area"
	Kind     string // such as "area.change"; its register has told Handle
	Subject  string // id of what changes
	About    string // what it is listed under besides, such as the area that a door leads into; may be empty
	Base     int64  // the version of the subject that the change is made from, and those of what it leans on, added; 0 for nothing of the kind
	Before   string // the subject as it was then, as JSON; empty for something new
	Body     string // the change, as JSON
	Reason   string
}

// Request is a change that waits for a second person, or waited.
type Request struct {
	ID string
	Change
	Applicant string // kind and id, such as "account:yamada"
	At        time.Time
	State     State
	Decider   string // who approved, refused or withdrew it
	DecidedAt time.Time
	Note      string // in the words of the decider
}

// Kind is how a register carries out one kind of change.
type Kind struct {
	Needs authz.Action // to make it, and so to approve it
	// Check refuses what cannot be applied as things stand.
	Check func(ctx context.Context, tx *store.Tx, c Change) error
	// Apply makes the change; Check has passed.
	Apply func(ctx context.Context, tx *store.Tx, c Change) error
	// Version is the subject's now, for Base. Nil: the change is made from no version.
	Version func(ctx context.Context, q store.Queryer, c Change) (int64, error)
}

// Filter narrows a list. Zero fields do not narrow.
type Filter struct {
	State State
	About string
	Limit int    // at most 500; 0: 100
	After string // the last ID of the page before
}

// Register is the register of requests.
type Register struct {
	store *store.Store
	kinds map[string]Kind
	two   sync.Map // by authz.Action: that two people could do it once, which stays so
}

// New opens the register.
func New(s *store.Store) *Register { return &Register{store: s, kinds: map[string]Kind{}} }

// Handle says how a kind of change is carried out. Registers call it when they are opened, before anything else.
func (r *Register) Handle(kind string, k Kind) { r.kinds[kind] = k }

func (r *Register) kind(name string) (Kind, error) {
	k, ok := r.kinds[name]
	if !ok {
		return Kind{}, fault.New(fault.Internal, "", "no register handles changes of kind "+name)
	}
	return k, nil
}

// WaitingError says that a change was not made: it waits for a second person, as Request. To who does not look for it, it is a fault.Conflict with the
// code "approval.waits".
type WaitingError struct {
	Request Request
	fault   *fault.Error
}

// Wait returns a WaitingError for a request, err if there is one, and nil for neither.
func Wait(request *Request, err error) error {
	if err != nil || request == nil {
		return err
	}
	return &WaitingError{*request, fault.New(fault.Conflict, "approval.waits", "request "+request.ID+" waits for a second person")}
}

// Error implements error.
func (w *WaitingError) Error() string { return w.fault.Error() }

// Unwrap returns the fault.
func (w *WaitingError) Unwrap() error { return w.fault }
