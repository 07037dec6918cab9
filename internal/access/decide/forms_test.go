package decide_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kanmon/internal/access"
	"kanmon/internal/access/decide"
)

// inForm is what a key would be after so many replacements of the site's key; how it is hashed is of no concern here.
func inForm(base access.Key, form int) access.Key {
	base[15] = byte(form)
	return base
}

// presented is a card as a door with some layers reads it.
func presented(reader string, base access.Key, layers int) decide.Request {
	r := decide.Request{Reader: reader, Key: inForm(base, layers-1)}
	for form := layers - 2; form >= 0; form-- {
		r.Older = append(r.Older, inForm(base, form))
	}
	return r
}

// R47-1, R75-3: in whatever forms cards and revocations stand, a door decides as if each card had one; about the cards of its policy also when a
// revocation has a form that it cannot make.
func TestAnyMixOfFormsDecidesAsOneFormWould(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		layers := rapid.IntRange(1, 4).Draw(t, "layers")
		beyond := rapid.IntRange(0, 1).Draw(t, "beyond")
		anyForm := func(base access.Key, below int) access.Key {
			return inForm(base, rapid.IntRange(0, below-1).Draw(t, "form"))
		}
		said := func(r access.Revocation) access.Revocation {
			r.Card, r.Key = fmt.Sprint("c", r.Key[31]), anyForm(r.Key, layers+beyond)
			return r
		}
		plain := anySpec(t)
		mixed := plain
		mixed.Credentials, mixed.Revocations = nil, nil
		for _, c := range plain.Credentials {
			c.Key = anyForm(c.Key, layers)
			mixed.Credentials = append(mixed.Credentials, c)
		}
		plain.Revocations = append(plain.Revocations, anyEntries(t, 20)...)
		stands := access.Revocations{}
		for _, r := range plain.Revocations {
			stands.Merge(said(r))
		}
		mixed.Revocations = stands.List()
		heard := anyEntries(t, 10)
		came := make([]access.Revocation, len(heard))
		for i, r := range heard {
			came[i] = said(r)
		}
		p, err := decide.Compile(mixed)
		if err != nil {
			t.Fatal(err)
		}
		p = p.Revoke(rapid.Permutation(came).Draw(t, "order")...)
		for range 20 {
			n := rapid.IntRange(0, 7).Draw(t, "key")
			if beyond > 0 && n >= len(plain.Credentials) {
				continue
			}
			base := access.Key{31: byte(n)}
			reader := rapid.SampledFrom([]string{"IN-0", "IN-1", "OUT-0"}).Draw(t, "reader")
			now := time.Unix(1782864000+rapid.Int64Range(-700_000, 700_000).Draw(t, "off"), 0)
			want := model(plain, heard, decide.Request{Reader: reader, Key: base}, now)
			if d := decide.Decide(p, presented(reader, base, layers), now); d.Reason != want {
				t.Fatalf("%v with %d layers: %+v, the model says %s", base, layers, d, want)
			}
		}
	})
}

// R75-3: a later word in a newer form lifts an earlier one in an older form, and never the other way round.
func TestALaterWordCountsInWhicheverFormItIs(t *testing.T) {
	entry := func(n uint64, form int, s access.CredentialState) access.Revocation {
		return access.Revocation{Version: access.Version{Epoch: 1, N: n}, Key: inForm(satoKey, form), Card: "C-1", State: s}
	}
	p := compile(t, smallCity())
	for name, c := range map[string]struct {
		entries []access.Revocation
		want    access.Reason
	}{
		"suspended, then lifted anew":     {[]access.Revocation{entry(1, 0, access.Suspended), entry(2, 1, access.Active)}, access.Granted},
		"lifted, then suspended anew":     {[]access.Revocation{entry(1, 0, access.Active), entry(2, 1, access.Suspended)}, access.CredentialSuspend},
		"an older lift in the newer form": {[]access.Revocation{entry(2, 0, access.Suspended), entry(1, 1, access.Active)}, access.CredentialSuspend},
		"revoked in the old form":         {[]access.Revocation{entry(1, 0, access.Revoked), entry(2, 1, access.Active)}, access.CredentialRevoked},
		"revoked in the new form":         {[]access.Revocation{entry(3, 0, access.Active), entry(2, 1, access.Revoked)}, access.CredentialRevoked},
	} {
		for range 2 {
			if d := decide.Decide(p.Revoke(c.entries...), presented("IN-2", satoKey, 2), jst(1, 12, 0)); d.Reason != c.want {
				t.Errorf("%s: %+v", name, d)
			}
			c.entries[0], c.entries[1] = c.entries[1], c.entries[0] // they may come in any order
		}
	}
}

// R47-1: a door without the newest layer knows no card of a policy in the newest form.
func TestACardInAFormThatTheDoorCannotMakeIsUnknown(t *testing.T) {
	s := smallCity()
	for i := range s.Credentials {
		s.Credentials[i].Key = inForm(s.Credentials[i].Key, 1)
	}
	p := compile(t, s)
	if d := decide.Decide(p, presented("IN-2", satoKey, 1), jst(1, 12, 0)); d.Allow || d.Reason != access.UnknownCredential {
		t.Errorf("with one layer: %+v", d)
	}
	if d := decide.Decide(p, presented("IN-2", satoKey, 3), jst(1, 12, 0)); !d.Allow {
		t.Errorf("with three: %+v", d)
	}
}

// R75-3: nor does a door without the newest layer let a card in by its older policy that was revoked in the newest form; and it hears a lift.
func TestARevocationInAFormThatTheDoorCannotMakeIsInForceThere(t *testing.T) {
	s := smallCity()
	first := access.Revocation{Version: access.Version{Epoch: 1, N: 1}, Key: inForm(satoKey, 1), Card: "C-1", State: access.Suspended}
	for name, p := range map[string]*decide.Policy{
		"heard": compile(t, s).Revoke(first), "in the policy": compile(t, func() access.Spec { s.Revocations = []access.Revocation{first}; return s }()),
	} {
		request := presented("IN-2", satoKey, 1)
		request.Key = satoKey
		if d := decide.Decide(p, request, jst(1, 12, 0)); d.Reason != access.CredentialSuspend || d.Person != "sato" {
			t.Errorf("%s: %+v", name, d)
		}
		lift := first
		lift.Version.N, lift.State = 2, access.Active
		if d := decide.Decide(p.Revoke(lift), request, jst(1, 12, 0)); !d.Allow {
			t.Errorf("%s and lifted: %+v", name, d)
		}
		lift.State = access.Revoked
		if d := decide.Decide(p.Revoke(lift), request, jst(1, 12, 0)); d.Reason != access.CredentialRevoked {
			t.Errorf("%s and revoked: %+v", name, d)
		}
		if d := decide.Decide(p, request, jst(1, 12, 0)); d.Reason != access.CredentialSuspend {
			t.Errorf("%s: the policy itself has changed: %+v", name, d)
		}
	}
}
