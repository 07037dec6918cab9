package rest_test

import (
	"context"
	"time"

	"kanmon/api/rest"
	"kanmon/internal/fault"
	"kanmon/internal/pki"
	"kanmon/internal/store"
)

// seats lets nobody in.
type seats struct{}

func (seats) Token(context.Context, store.Actor, string) (pki.Token, time.Time, error) {
	return pki.Token{}, time.Time{}, fault.New(fault.Conflict, "desk.off", "no port")
}

func (seats) Fingerprint() string { return "" }

func (seats) Enrol(context.Context, string, string, []byte) (rest.EnrolledDesk, error) {
	return rest.EnrolledDesk{}, fault.New(fault.Unauthenticated, "desk.token", "not its token")
}
