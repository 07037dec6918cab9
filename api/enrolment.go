package api

import (
	"context"

	"kanmon/api/enrol"
	"kanmon/api/rest"
	"kanmon/internal/pki"
)

// restEnrolment is the enrolment service in REST's words.
type restEnrolment struct{ *enrol.Service }

// Enrol is enrol.Service.Enrol.
func (e restEnrolment) Enrol(ctx context.Context, controller, token string, csr, boxKey []byte) (rest.Enrolled, error) {
	got, err := e.Service.Enrol(ctx, controller, token, csr, boxKey)
	return rest.Enrolled(got), err
}

// Renew is enrol.Service.Renew.
func (e restEnrolment) Renew(ctx context.Context, csr []byte) (rest.Renewed, error) {
	got, err := e.Service.Renew(ctx, csr)
	return rest.Renewed{Certificate: got.Certificate, CA: got.CA, Keys: restKeys(got.Keys)}, err
}

// Keys is enrol.Service.Keys.
func (e restEnrolment) Keys(ctx context.Context, said rest.Known, sig []byte) (rest.Keys, error) {
	got, err := e.Service.Keys(ctx, known(said), sig)
	return restKeys(got), err
}

// Says is enrol.Service.Says.
func (e restEnrolment) Says(ctx context.Context, said rest.Known, sig []byte) bool {
	return e.Service.Says(ctx, known(said), sig)
}

func known(said rest.Known) pki.Known {
	return pki.Known{
		Controller: said.Controller, CommandKeys: said.CommandKeys, Authorities: said.Authorities, Issuer: said.Issuer, HashKeys: said.HashKeys,
		Challenge: said.Challenge,
	}
}

func restKeys(k enrol.Keys) rest.Keys {
	return rest.Keys{
		CommandKeys: append([][]byte{}, k.CommandKeys...), Announced: restWords(k.Announced),
		Authorities: append([][]byte{}, k.Authorities...), AnnouncedAuthorities: restWords(k.AnnouncedAuthorities), Issuer: k.Issuer,
		HashKeys: append([]byte{}, k.HashKeys...), Introduction: append([]byte{}, k.Introduction...), Challenge: k.Challenge, Heard: k.Heard,
	}
}

func restWords(words []pki.Announcement) []rest.Announcement {
	list := make([]rest.Announcement, len(words))
	for i, a := range words {
		list[i] = rest.Announcement(a)
	}
	return list
}
