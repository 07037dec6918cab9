package ledger_test

import (
	"crypto/rand"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"pgregory.net/rapid"

	"kanmon/internal/ledger"
)

const site = "kanmon/demo"

// chain is n keys of one log, oldest first, and what each but the last left behind: the first has signed 10 leaves, the second 20, and so on.
func chain(t testing.TB, n int) ([]*ledger.Signer, []ledger.Past) {
	t.Helper()
	var signers []*ledger.Signer
	var past []ledger.Past
	for i := range n {
		s, err := ledger.NewSigner(rand.Reader, ledger.OriginAt(site, i+1))
		if err != nil {
			t.Fatal(err)
		}
		signers = append(signers, s)
		if i > 0 {
			past = append(past, left(t, signers[i-1], int64(10*i), s))
		}
	}
	return signers, past
}

func left(t testing.TB, s *ledger.Signer, size int64, next *ledger.Signer) ledger.Past {
	t.Helper()
	farewell, err := s.Farewell(ledger.Farewell{Size: size, Next: next.Verifier()})
	if err != nil {
		t.Fatal(err)
	}
	return ledger.Past{Verifier: s.Verifier(), Farewell: farewell}
}

func sign(t testing.TB, s *ledger.Signer, size int64) []byte {
	t.Helper()
	msg, err := s.Sign(ledger.Checkpoint{Origin: s.Origin(), Size: size, Root: goldenRoot()})
	if err != nil {
		t.Fatal(err)
	}
	return msg
}

func TestANoteUnderAnOldKeyVerifiesAfterTwoChanges(t *testing.T) {
	signers, past := chain(t, 3)
	keys, err := ledger.NewOrigins(signers[2].Verifier(), past...)
	if err != nil || keys.Log() != site || keys.Len() != 3 {
		t.Fatalf("%+v, %v", keys, err)
	}
	for i, s := range signers {
		if c, err := keys.Open(sign(t, s, int64(i+1))); err != nil || c.Size != int64(i+1) || c.Origin != ledger.OriginAt(site, i+1) {
			t.Errorf("of key %d: %+v, %v", i+1, c, err)
		}
	}
	for _, c := range []struct {
		key  int
		size int64
		left bool
	}{{1, 10, false}, {1, 11, true}, {2, 20, false}, {2, 21, true}, {3, 1 << 40, false}} {
		if got := keys.Left(ledger.Checkpoint{Origin: ledger.OriginAt(site, c.key), Size: c.size}); got != c.left {
			t.Errorf("key %d had left before it signed %d leaves: %v", c.key, c.size, got)
		}
	}
	strangers, _ := chain(t, 3) // the same names
	for i, s := range strangers {
		if _, err := keys.Open(sign(t, s, 1)); err == nil {
			t.Errorf("a stranger's note under %s was opened", ledger.OriginAt(site, i+1))
		}
	}
}

// follow is what somebody needs who holds one public key and the farewells: the note library and these lines, nothing of ours.
func follow(vkey string, farewells []string) (string, error) {
	for _, f := range farewells {
		v, err := note.NewVerifier(vkey)
		if err != nil {
			return "", err
		}
		n, err := note.Open([]byte(f), note.VerifierList(v))
		if err != nil {
			return "", err
		}
		lines := strings.Split(n.Text, "\n")
		if len(lines) != 5 || lines[0] != "kanmon checkpoint farewell v1" || lines[1] != v.Name() || lines[4] != "" {
			return "", fmt.Errorf("no farewell: %q", n.Text)
		}
		vkey = lines[3]
	}
	return vkey, nil
}

// R84-1: who holds the first public key alone checks what the third one signs.
func TestAnOutsideReaderFollowsTheFarewellsFromTheFirstKey(t *testing.T) {
	signers, past := chain(t, 3)
	farewells := []string{string(past[0].Farewell), string(past[1].Farewell)}
	vkey, err := follow(signers[0].Verifier().Key(), farewells)
	if err != nil || vkey != signers[2].Verifier().Key() {
		t.Fatalf("led to %s, %v", vkey, err)
	}
	v, err := note.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	n, err := note.Open(sign(t, signers[2], 42), note.VerifierList(v))
	if err != nil || !strings.HasPrefix(n.Text, site+"/3\n42\n") {
		t.Errorf("%+v, %v", n, err)
	}
	if _, err := follow(signers[0].Verifier().Key(), farewells[1:]); err == nil {
		t.Error("followed without the first farewell")
	}
	strangers, _ := chain(t, 2)
	if _, err := follow(signers[0].Verifier().Key(), []string{string(left(t, strangers[0], 10, strangers[1]).Farewell)}); err == nil {
		t.Error("followed a stranger's farewell")
	}
}

func TestAFarewellIsNoCheckpointAndACheckpointNoFarewell(t *testing.T) {
	signers, past := chain(t, 2)
	v := signers[0].Verifier()
	if _, err := v.Open(past[0].Farewell); err == nil {
		t.Error("a farewell was opened as a checkpoint")
	}
	if _, err := ledger.ReadUnverified(past[0].Farewell); err == nil {
		t.Error("a farewell was read as a checkpoint")
	}
	if _, err := v.Follow(sign(t, signers[0], 1)); err == nil {
		t.Error("a checkpoint was followed")
	}
	next := signers[1].Verifier().Key()
	if f, err := v.Follow(past[0].Farewell); err != nil || f.Next.Key() != next || f.Size != 10 {
		t.Errorf("%+v, %v", f, err)
	}
	own, _, _ := strings.Cut(signers[0].Secret(), "\n")
	signer, err := note.NewSigner(own)
	if err != nil {
		t.Fatal(err)
	}
	const head = "kanmon checkpoint farewell v1\n"
	for _, text := range []string{
		"kanmon checkpoint farewell v2\n" + site + "\n10\n" + next + "\n", head + site + "/2\n10\n" + next + "\n", head + site + "\n010\n" + next + "\n",
		head + site + "\n-1\n" + next + "\n", head + site + "\n10\n" + site + "/2\n", head + site + "\n10\n" + next + "\nmore\n", head + site + "\n" + next + "\n", "\n",
	} {
		msg, err := note.Sign(&note.Note{Text: text}, signer)
		if err != nil {
			t.Fatal(err)
		}
		if f, err := v.Follow(msg); err == nil {
			t.Errorf("%q was followed to %+v", text, f)
		}
	}
}

func TestKeysThatDoNotFollowEachOtherAreRefused(t *testing.T) {
	signers, past := chain(t, 3)
	others, otherPast := chain(t, 3)
	for name, c := range map[string]struct {
		present *ledger.Signer
		past    []ledger.Past
	}{
		"one left out":           {signers[2], past[:1]},
		"the first left out":     {signers[2], past[1:]},
		"in the wrong order":     {signers[2], []ledger.Past{past[1], past[0]}},
		"another key at the end": {others[2], past},
		"another key between":    {signers[2], []ledger.Past{past[0], otherPast[1]}},
		"no farewell":            {signers[1], []ledger.Past{{Verifier: signers[0].Verifier()}}},
		"another's farewell":     {signers[1], []ledger.Past{{Verifier: signers[0].Verifier(), Farewell: otherPast[0].Farewell}}},
		"a stranger's farewell":  {signers[1], []ledger.Past{{Verifier: signers[0].Verifier(), Farewell: left(t, others[0], 10, signers[1]).Farewell}}},
		"one key twice":          {signers[0], []ledger.Past{left(t, signers[0], 10, signers[0])}},
	} {
		if _, err := ledger.NewOrigins(c.present.Verifier(), c.past...); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestOriginsOfALogAreNumbered(t *testing.T) {
	for _, name := range []string{"", "/", site + "/", site + "/0", site + "/1", site + "/02", site + "/+2", site + "/-2", site + "/2/2", site + "2", "kanmon"} {
		if n, ok := ledger.OriginNumber(site, name); ok {
			t.Errorf("%q is number %d", name, n)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.IntRange(1, 1<<30).Draw(t, "n")
		if n, ok := ledger.OriginNumber(site, ledger.OriginAt(site, want)); !ok || n != want {
			t.Fatalf("%d, %v", n, ok)
		}
	})
}
