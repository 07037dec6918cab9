package number_test

import (
	"bytes"
	"testing"

	"kanmon/lifecycle/card"
	"kanmon/lifecycle/card/number"
	"kanmon/reader/credential"
)

// R44-1: an enrolment is known at its own terminal, as that terminal's controller hashes the verdict, and at no other.
func TestAnEnrolmentIsHashedAsItsTerminalsVerdict(t *testing.T) {
	key, err := credential.NewHashKey(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	said, err := credential.Parse("verdict:16:3137")
	if err != nil {
		t.Fatal(err)
	}
	n := number.Issue(card.Issue{Kind: card.Biometric, Terminal: "ctl-1/BIO-1"}, said, key)
	if n.Key != said.At("ctl-1/BIO-1").Key(key) || n.Key == number.Issue(card.Issue{Kind: card.Biometric, Terminal: "ctl-1/BIO-2"}, said, key).Key {
		t.Errorf("%x", n.Key)
	}
}
