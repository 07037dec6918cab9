package area

import (
	"context"
	"crypto/rand"
	"fmt"

	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/approval"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/field"
	"kanmon/lifecycle/period"
	"kanmon/lifecycle/staff"
)

// mostGrants is how many rights are granted in one change.
const mostGrants = 500

// Grant lets a person into an area. schedule may be empty: at any hour.
func (r *Register) Grant(ctx context.Context, actor store.Actor, person, area, schedule string, p period.Period) (Right, error) {
	made, err := r.GrantAll(ctx, actor, "", []Right{{Person: person, Area: area, Schedule: schedule, Period: p}})
	if err != nil {
		return Right{}, err
	}
	return made[0], nil
}

// GrantAll grants up to 500 rights, all or none, in one change that one other person approves. Ids are made; reason may be empty. Rights to be an
// escort are for members of staff only (Art. 44(3)).
func (r *Register) GrantAll(ctx context.Context, actor store.Actor, reason string, rights []Right) ([]Right, error) {
	reason, err := field.Optional("reason", reason, 200)
	if err == nil && (len(rights) == 0 || len(rights) > mostGrants) {
		err = fault.BadField("rights", "area.grants", fmt.Sprintf("%d rights", len(rights)))
	}
	bodies, areas := make([]grant, len(rights)), make([]string, len(rights))
	for i, right := range rights {
		if err == nil {
			err = right.Check()
		}
		right.ID = "R-" + rand.Text()[:10]
		bodies[i], areas[i] = newGrant(right), right.Area
	}
	if err != nil {
		return nil, fmt.Errorf("grant right: %w", err)
	}
	var made []Right
	w := approval.Wish{
		Kind: rightGrant, Subject: bodies[0].ID, About: common(areas), Reason: reason, Body: bodies,
		Two: graded(`?, `+places(areas[1:]), args(areas[0], areas[1:])),
	}
	err = r.submit(ctx, actor, "grant right", w, func(tx *store.Tx) error {
		for _, b := range bodies {
			right, err := getRight(ctx, tx, b.ID)
			if err != nil {
				return err
			}
			made = append(made, right)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

// common is the one area of all rights, under which the request is listed; empty for several.
func common(areas []string) string {
	for _, a := range areas {
		if a != areas[0] {
			return ""
		}
	}
	return areas[0]
}

// grant is a right in a request.
type grant struct {
	ID       string `json:"id"`
	Person   string `json:"person"`
	Area     string `json:"area"`
	Schedule string `json:"schedule,omitempty"`
	From     string `json:"from,omitempty"` // as period.Text
	Until    string `json:"until,omitempty"`
	Escort   bool   `json:"escort,omitempty"`
	First    bool   `json:"first_in,omitempty"`
	Lockdown bool   `json:"lockdown,omitempty"`
}

func newGrant(r Right) grant {
	from, until := r.Texts()
	return grant{r.ID, r.Person, r.Area, r.Schedule, from, until, r.Escort, r.First, r.Lockdown}
}

func (g grant) right() (Right, error) {
	p, err := period.Parse(g.From, g.Until)
	return Right{
		ID: g.ID, Person: g.Person, Area: g.Area, Schedule: g.Schedule, Period: p, Escort: g.Escort, First: g.First, Lockdown: g.Lockdown,
	}, err
}

var grantRights = approval.Maker[[]grant]{
	Check: func(ctx context.Context, tx *store.Tx, grants []grant) error {
		for _, g := range grants {
			if err := g.fits(ctx, tx); err != nil {
				return err
			}
		}
		return nil
	},
	Apply: func(ctx context.Context, tx *store.Tx, grants []grant) error {
		areas := map[string]bool{}
		for _, g := range grants {
			right, err := g.right()
			if err == nil {
				err = right.keep(ctx, tx)
			}
			if err == nil && !areas[g.Area] {
				err = device.WantForArea(ctx, tx, g.Area)
			}
			if err != nil {
				return err
			}
			areas[g.Area] = true
		}
		return nil
	},
	Leans: func(ctx context.Context, q store.Queryer, grants []grant) (int64, error) {
		ids := make([]string, len(grants))
		for i, g := range grants {
			ids[i] = g.Schedule
		}
		return schedulesNow(ctx, q, ids...)
	},
}

func (g grant) fits(ctx context.Context, q store.Queryer) error {
	m, err := staff.Find(ctx, q, g.Person)
	if err != nil {
		return err
	}
	if g.Escort && m.Class != access.Staff {
		return fault.BadField("escort", "area.escort_staff", fmt.Sprintf("%q is %s", g.Person, m.Class))
	}
	if err := known(ctx, q, areaCount, noArea, g.Area); err != nil || g.Schedule == "" {
		return err
	}
	return known(ctx, q, scheduleCount, noSchedule, g.Schedule)
}

// Withdraw ends a right at once: nobody has to approve what makes an area harder to enter. It cannot be given back: grant a new one.
func (r *Register) Withdraw(ctx context.Context, actor store.Actor, id, reason string) error {
	reason, err := field.Text("reason", reason, 200)
	if err != nil {
		return fmt.Errorf("withdraw right: %w", err)
	}
	return r.write(ctx, actor, reason, "withdraw right", func(tx *store.Tx) error {
		right, err := getRight(ctx, tx, id)
		if err != nil {
			return err
		}
		if right.Withdrawn {
			return fault.New(fault.Conflict, "area.right_withdrawn", fmt.Sprintf("right %s is withdrawn already", id))
		}
		right.Withdrawn = true
		if err := right.keep(ctx, tx); err != nil {
			return err
		}
		return device.WantForArea(ctx, tx, right.Area)
	})
}

// keep writes the next version of a right.
func (r Right) keep(ctx context.Context, tx *store.Tx) error {
	from, until := r.Texts()
	state := stateGranted
	if r.Withdrawn {
		state = stateWithdrawn
	}
	_, err := tx.Version(ctx, "access_right", r.ID, store.Row{
		{Name: "area", Value: r.Area},
		{Name: "escort", Value: store.Bool(r.Escort)},
		{Name: "first_in", Value: store.Bool(r.First)},
		{Name: "lockdown", Value: store.Bool(r.Lockdown)},
		{Name: "person", Value: r.Person},
		{Name: "schedule", Value: r.Schedule},
		{Name: "state", Value: state},
		{Name: "valid_from", Value: from},
		{Name: "valid_until", Value: until},
	}, nil)
	return err
}
