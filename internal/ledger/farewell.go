package ledger

import (
	"strings"

	"golang.org/x/mod/sumdb/note"

	"kanmon/internal/fault"
)

// farewellHead begins the text of a farewell. It has spaces, so it is no checkpoint's origin.
const farewellHead = "kanmon checkpoint farewell v1"

// Farewell is the signer's last word: a signed note that names the key that signs after it (see the package comment).
func (s *Signer) Farewell(next *Verifier) ([]byte, error) {
	msg, err := note.Sign(&note.Note{Text: farewellText(s.Origin(), next)}, s.signer)
	return msg, fault.Wrap(fault.Internal, err, "sign farewell")
}

func farewellText(origin string, next *Verifier) string {
	return farewellHead + "\n" + origin + "\n" + next.Key() + "\n"
}

// Follow checks a farewell that the key signed, and returns the key that it names.
func (v *Verifier) Follow(farewell []byte) (*Verifier, error) {
	n, err := note.Open(farewell, note.VerifierList(v.verifier))
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "open the farewell of "+v.Origin())
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) != 4 {
		return nil, fault.New(fault.Invalid, "", "open the farewell of "+v.Origin()+": not three lines")
	}
	next, err := NewVerifier(lines[2])
	if err != nil {
		return nil, err
	}
	if n.Text != farewellText(v.Origin(), next) {
		return nil, fault.New(fault.Invalid, "", "open the farewell of "+v.Origin()+": it is none")
	}
	return next, nil
}
