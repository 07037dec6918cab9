package account

import (
	"context"

	"kanmon/internal/authz"
	"kanmon/internal/store"
)

// able says whose each account is that may do a thing at a moment: the member of staff, or the account itself where it belongs to none.
type able map[string]string

// TwoPeople reports whether two people could ever do a: whether there was a moment when two of them had an active account with that right. Once
// it was so it stays so. Other registers ask it in their transactions.
func TwoPeople(ctx context.Context, q store.Queryer, a authz.Action) (bool, error) {
	var rows []struct{ ID, Staff, Roles, State string }
	if err := q.Select(ctx, &rows, `SELECT id, staff, roles, state FROM account_version ORDER BY leaf`); err != nil {
		return false, err
	}
	now := able{}
	for _, v := range rows {
		delete(now, v.ID)
		if State(v.State) == Active && authz.Allowed(splitRoles(v.Roles), a) {
			now[v.ID] = person(v.ID, v.Staff)
		}
		if now.people() > 1 {
			return true, nil
		}
	}
	return false, nil
}

func (a able) people() int {
	distinct := map[string]bool{}
	for _, p := range a {
		distinct[p] = true
	}
	return len(distinct)
}

func person(id, staff string) string {
	if staff == "" {
		return "account:" + id
	}
	return "staff:" + staff
}

// Person names whose an account is, so that two accounts of one person are not taken for two people.
func Person(ctx context.Context, q store.Queryer, id string) (string, error) {
	a, _, err := load(ctx, q, id)
	return person(id, a.Staff), err
}
