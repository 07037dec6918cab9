package uplink

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/pki"
	"kanmon/internal/wire"
)

func spec(n uint64, people int) access.Spec {
	s := access.Spec{Version: access.Version{Epoch: 1, N: n}}
	for i := range people {
		s.People = append(s.People, access.Person{ID: fmt.Sprintf("P-%05d", i)})
	}
	return s
}

func manifest(t testing.TB, s access.Spec, by pki.SigningKey) wire.Signed {
	t.Helper()
	m, err := wire.SignPolicy(at(wire.Policy), s, time.Now(), by)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func parts(t testing.TB, s access.Spec, by pki.SigningKey) []wire.PolicyPart {
	t.Helper()
	list, err := wire.SplitPolicy(s, manifest(t, s, by))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func (r *rig) give(payload any) {
	r.t.Helper()
	b, err := wire.Encode(payload)
	if err != nil {
		r.t.Fatal(err)
	}
	r.send(wire.Policy, b)
	synctest.Wait()
}

func TestAPolicyInPartsIsOfferedOnceItIsWhole(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := start(t)
		list := parts(t, spec(4, 12000), centreKey)
		if len(list) < 2 {
			t.Fatalf("%d parts", len(list))
		}
		for i := len(list) - 1; i >= 0; i-- {
			if len(r.policies.offered) != 0 {
				t.Fatal("offered before it was whole")
			}
			r.give(list[i])
		}
		if got := <-r.policies.offered; len(got.People) != 12000 || got.Version.N != 4 {
			t.Fatalf("offered %v with %d people", got.Version, len(got.People))
		}
		for _, p := range list { // again, because the centre has not heard yet
			r.give(p)
		}
		if len(r.policies.offered) != 0 {
			t.Fatal("offered again though it is in force")
		}
	})
}

// M-10: what the centre has not signed makes no policy, and nobody else's signature does.
func TestAPolicyThatIsNotTheCentresIsRefused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := start(t)
		altered := parts(t, spec(4, 1), centreKey)[0]
		altered.Spec.People[0].ID = "P-666"
		r.give(altered)
		r.give(parts(t, spec(5, 1), strangerKey)[0])
		r.send(wire.Policy, []byte("garbage"))
		synctest.Wait()
		if len(r.policies.offered) != 0 || len(r.policies.refused) != 2 || r.Counts().BadParts != 1 || r.Counts().Refused != 2 {
			t.Fatalf("offered %d, refused %d, %+v", len(r.policies.offered), len(r.policies.refused), r.Counts())
		}
		<-r.policies.refused
		if said := <-r.policies.refused; !strings.Contains(said, "not trusted") {
			t.Fatalf("refused for %q", said)
		}
	})
}

func TestADeltaAppliesToThePolicyInForceAndToNoOther(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := start(t)
		was, is := spec(4, 3), spec(5, 4)
		r.give(parts(t, was, centreKey)[0])
		<-r.policies.offered
		base := r.policies.inForce
		delta := wire.NewDelta(was, base, is, manifest(t, is, centreKey))

		forged := delta
		forged.Set.People = append(forged.Set.People[:0:0], access.Person{ID: "P-666"})
		r.give(forged)
		if len(r.policies.offered) != 0 || len(r.policies.refused) != 1 {
			t.Fatalf("offered %d, refused %d", len(r.policies.offered), len(r.policies.refused))
		}
		other := wire.NewDelta(was, strings.Repeat("0", 64), is, manifest(t, is, centreKey))
		r.give(other)
		if len(r.policies.offered) != 0 || len(r.policies.refused) != 1 || r.Counts().BadParts != 2 { // no alarm: the centre did not know better
			t.Fatalf("offered %d, refused %d, %+v", len(r.policies.offered), len(r.policies.refused), r.Counts())
		}
		r.give(delta)
		if got := <-r.policies.offered; len(got.People) != 4 || got.Version.N != 5 {
			t.Fatalf("offered %+v", got)
		}
		r.give(delta) // again
		if len(r.policies.offered) != 0 || r.Counts().BadParts != 2 {
			t.Fatalf("offered again, %+v", r.Counts())
		}
	})
}

func TestHandlersNeverWait(t *testing.T) {
	r := newRig(t)
	for range policyQueue + 10 { // nobody reads
		r.send(wire.Policy, []byte("x"))
		r.ack(0)
		r.connect()
		r.Receipt(wire.RevokedReceipt{})
		r.Answer(wire.CommandAnswer{})
	}
	if r.Counts().LateParts != 10 {
		t.Fatalf("counts %+v", r.Counts())
	}
}
