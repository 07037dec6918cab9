package decide_test

import (
	"maps"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"kanmon/internal/access"
	"kanmon/internal/access/decide"
)

func entry(n uint64, key byte, state access.CredentialState) access.Revocation {
	return access.Revocation{Version: access.Version{Epoch: 1, N: n}, Key: access.Key{key}, Card: "C-" + string('0'+key), State: state}
}

func merged(entries ...access.Revocation) access.Revocations {
	s := access.Revocations{}
	s.Merge(entries...)
	return s
}

// R103-1, R75-3, R76-2: a revoked card is dead at every entry from the moment its entry is heard, and stays so.
func TestR75_3_R76_2_ARevokedCardIsRefusedAtOnceAndForGood(t *testing.T) {
	p := compile(t, smallCity())
	request := decide.Request{Reader: "IN-2", Key: satoKey}
	reason := func(p *decide.Policy) access.Reason { return decide.Decide(p, request, noon).Reason }
	suspended := p.Revoke(entry(5, 1, access.Suspended))
	lifted := suspended.Revoke(entry(6, 1, access.Active))
	dead := lifted.Revoke(entry(7, 1, access.Revoked))
	for what, c := range map[string]struct {
		p    *decide.Policy
		want access.Reason
	}{
		"before":                    {p, access.Granted},
		"suspended":                 {suspended, access.CredentialSuspend},
		"lifted":                    {lifted, access.Granted},
		"suspended again, too late": {lifted.Revoke(entry(5, 1, access.Suspended)), access.Granted},
		"revoked":                   {dead, access.CredentialRevoked},
		"lifted afterwards":         {dead.Revoke(entry(8, 1, access.Active)), access.CredentialRevoked},
		"suspended afterwards":      {dead.Revoke(entry(8, 1, access.Suspended)), access.CredentialRevoked},
		"by an older entry":         {lifted.Revoke(entry(1, 1, access.Revoked)), access.CredentialRevoked},
		"with a state nobody knows": {lifted.Revoke(entry(1, 1, "lost")), access.CredentialRevoked},
		"and suspended as one":      {lifted.Revoke(entry(6, 1, access.Suspended)), access.CredentialSuspend},
		"another card":              {p.Revoke(entry(7, 2, access.Revoked)), access.Granted},
	} {
		if got := reason(c.p); got != c.want {
			t.Errorf("%s: %s, want %s", what, got, c.want)
		}
	}
	if p.Revoke().Version() != p.Version() || len(p.Revocations()) != 0 || len(dead.Revocations()) != 1 {
		t.Error("a policy was changed, or another version came out")
	}
	if decide.Decide(dead, decide.Request{Reader: "OUT-1", Key: satoKey}, noon).Allow != true {
		t.Error("an exit was denied")
	}
}

// Revoked is final wherever it stands: a lift does not undo what the policy itself says.
func TestALiftDoesNotUndoAPolicyThatSaysRevoked(t *testing.T) {
	p := compile(t, smallCity()).Revoke(entry(9, 4, access.Active), entry(9, 5, access.Active), entry(9, 6, access.Active), entry(9, 99, access.Active))
	for key, want := range map[byte]access.Reason{
		4: access.CredentialRevoked, 6: access.CredentialRevoked, 5: access.Granted, 99: access.UnknownCredential,
	} {
		if d := decide.Decide(p, decide.Request{Reader: "IN-2", Key: access.Key{key}}, noon); d.Reason != want {
			t.Errorf("card %d: %+v, want %s", key, d, want)
		}
	}
}

// A card that the door's policy does not know is refused by its name.
func TestARevokedCardOfAnotherDoorIsNamed(t *testing.T) {
	p := compile(t, smallCity()).Revoke(entry(9, 77, access.Revoked))
	d := decide.Decide(p, decide.Request{Reader: "IN-1", Key: access.Key{77}}, noon)
	if d.Allow || d.Reason != access.CredentialRevoked || d.Card != entry(9, 77, "").Card || d.Person != "" {
		t.Errorf("%+v", d)
	}
	var none *decide.Policy
	if none.Revoke(entry(9, 77, access.Revoked)) != nil || none.Revocations() != nil || none.Lease() != (access.Lease{}) {
		t.Error("something came out of no policy")
	}
}

// anySet draws entries with few keys and versions, so that they meet.
func anySet(t *rapid.T, label string) (entries []access.Revocation) {
	states := []access.CredentialState{access.Active, access.Suspended, access.Revoked, "lost"}
	for range rapid.IntRange(0, 6).Draw(t, label) {
		entries = append(entries, access.Revocation{
			Version: access.Version{Epoch: rapid.Uint64Range(1, 2).Draw(t, "epoch"), N: rapid.Uint64Range(1, 4).Draw(t, "n")},
			Key:     access.Key{byte(rapid.IntRange(0, 2).Draw(t, "key"))},
			Card:    rapid.SampledFrom([]string{"C-1", "C-2"}).Draw(t, "card"), State: rapid.SampledFrom(states).Draw(t, "state"),
		})
	}
	return entries
}

// Two places that have heard the same, in whatever order and however often, refuse the same cards.
func TestMergingIsCommutativeAssociativeAndIdempotent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := anySet(t, "a"), anySet(t, "b"), anySet(t, "c")
		join := func(x, y access.Revocations) access.Revocations {
			out := maps.Clone(x)
			out.Merge(y.List()...)
			return out
		}
		sa, sb, sc := merged(a...), merged(b...), merged(c...)
		same := func(law string, x, y access.Revocations) {
			if !maps.Equal(x, y) || x.Hash() != y.Hash() {
				t.Fatalf("%s: %v is not %v", law, x, y)
			}
		}
		same("commutative", join(sa, sb), join(sb, sa))
		same("associative", join(join(sa, sb), sc), join(sa, join(sb, sc)))
		same("idempotent", join(sa, sa), sa)
		all := append(append(append([]access.Revocation{}, a...), b...), c...)
		same("in any order", merged(rapid.Permutation(all).Draw(t, "order")...), merged(all...))
		if again := merged(all...).Merge(all...); again != nil {
			t.Fatalf("heard again, %v changed the set", again)
		}
	})
}

// modelSet reads a history from the start to the end, each time with all of it: revoked if it ever was; else the highest version.
func modelSet(history []access.Revocation) map[access.Key]access.CredentialState {
	out := map[access.Key]access.CredentialState{}
	for _, h := range history {
		if state, spoken := lastWord(history, h.Key); spoken {
			out[h.Key] = state
		}
	}
	return out
}

// R75-3: revoked is final; a later number lifts a suspension; the set agrees with a model that keeps the whole history.
func TestR75_3_RevokedIsFinal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		history := anyEntries(t, 0)
		want := modelSet(history)
		set := access.Revocations{}
		for _, h := range rapid.Permutation(history).Draw(t, "order") {
			before, there := set[h.Key]
			changed := set.Merge(h)
			if there && before.State == access.Revoked && (len(changed) != 0 && changed[0].State != access.Revoked) {
				t.Fatalf("%v replaced %v", changed, before)
			}
			if now := set[h.Key]; (len(changed) == 1) != (now == h && before != h) {
				t.Fatalf("%v: changed %v, now %v", h, changed, now)
			}
		}
		for key, state := range want {
			if set[key].State != state {
				t.Fatalf("%v is %s, the model says %s", key, set[key].State, state)
			}
		}
		if len(set) != len(want) {
			t.Fatalf("%d entries, the model has %d", len(set), len(want))
		}
	})
}

// By hand:
//
//	a=aa$(printf '00%.0s' {1..31}); b=bb$(printf '00%.0s' {1..31})
//	printf '1 9 %s suspended\n2 3 %s revoked\n' $b $a | sha256sum; printf '' | sha256sum
func TestTheHashOfASetIsTheOneComputedByHand(t *testing.T) {
	set := merged(
		access.Revocation{Version: access.Version{Epoch: 2, N: 3}, Key: access.Key{0xAA}, Card: "C-1", State: access.Revoked},
		access.Revocation{Version: access.Version{Epoch: 1, N: 9}, Key: access.Key{0xBB}, Card: "C-2", State: access.Suspended},
	)
	if h := set.Hash(); h != "6a38aef0ac6cb38b3fcce2552d7415371ecbbca3d5b86f05bdbe17721a8c16da" {
		t.Error(h)
	}
	if h := access.Revocations(nil).Hash(); h != "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" {
		t.Error(h)
	}
}

func TestAnEntryIsChecked(t *testing.T) {
	if err := entry(1, 1, access.Active).Validate(); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(*access.Revocation){
		"no epoch":   func(r *access.Revocation) { r.Version.Epoch = 0 },
		"no number":  func(r *access.Revocation) { r.Version.N = 0 },
		"no state":   func(r *access.Revocation) { r.State = "" },
		"new state":  func(r *access.Revocation) { r.State = "lost" },
		"no card":    func(r *access.Revocation) { r.Card = "" },
		"a long one": func(r *access.Revocation) { r.Card = strings.Repeat("x", access.MaxID+1) },
	} {
		r := entry(1, 1, access.Revoked)
		spoil(&r)
		if r.Validate() == nil {
			t.Errorf("%s: %+v is valid", name, r)
		}
		s := smallCity()
		s.Revocations = []access.Revocation{r}
		if p, err := decide.Compile(s); err == nil {
			t.Errorf("a policy with %s was accepted: %v", name, p)
		}
	}
	s := smallCity()
	s.Revocations = []access.Revocation{entry(1, 1, access.Suspended), entry(2, 1, access.Revoked)}
	if _, err := decide.Compile(s); err == nil {
		t.Error("a policy with one credential twice in its set was accepted")
	}
}
