package console_test

import (
	"context"

	"kanmon/api/explain"
	"kanmon/internal/access"
	"kanmon/internal/access/decide"
	"kanmon/internal/store"
	"kanmon/lifecycle/entrylog"
)

// explainer answers every question with no right.
type explainer struct{}

func (explainer) Past(_ context.Context, _ store.Actor, id int64) (explain.Past, error) {
	return explain.Past{
		Entry: entrylog.Entry{ID: id, Kind: "access_denied", Reason: access.NoRight, Controller: "ctl-1"}, State: explain.Agrees,
		Made: decide.Decision{Reason: access.NoRight}, Checks: []explain.Check{{N: 9, Outcome: explain.Refused}},
	}, nil
}

func (explainer) Would(_ context.Context, _ store.Actor, q explain.Question) (explain.Would, error) {
	return explain.Would{Question: q, Made: decide.Decision{Reason: access.NoRight}, Checks: []explain.Check{{N: 9, Outcome: explain.Refused}}}, nil
}
