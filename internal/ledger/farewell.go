package ledger

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"kanmon/internal/fault"
)

// farewellHead begins the text of a farewell. It has spaces, so it is no checkpoint's origin.
const farewellHead = "kanmon checkpoint farewell v1"

// Farewell is what a key says last: how many leaves the largest tree had that it signed, and which key signs after it.
type Farewell struct {
	Size int64
	Next *Verifier
}

// Farewell signs the last word of the signer's key as a note (see the package comment).
func (s *Signer) Farewell(f Farewell) ([]byte, error) {
	msg, err := note.Sign(&note.Note{Text: f.text(s.Origin())}, s.signer)
	return msg, fault.Wrap(fault.Internal, err, "sign farewell")
}

func (f Farewell) text(origin string) string {
	return fmt.Sprintf("%s\n%s\n%d\n%s\n", farewellHead, origin, f.Size, f.Next.Key())
}

// Follow checks a farewell that the key signed.
func (v *Verifier) Follow(farewell []byte) (Farewell, error) {
	n, err := note.Open(farewell, note.VerifierList(v.verifier))
	if err != nil {
		return Farewell{}, fault.Wrap(fault.Invalid, err, "open the farewell of "+v.Origin())
	}
	f, ok := parseFarewell(n.Text)
	if !ok || f.Size < 0 || f.text(v.Origin()) != n.Text {
		return Farewell{}, fault.New(fault.Invalid, "", "open the farewell of "+v.Origin()+": not in the one form of a farewell")
	}
	return f, nil
}

func parseFarewell(text string) (Farewell, bool) {
	lines := strings.Split(text, "\n")
	if len(lines) != 5 {
		return Farewell{}, false
	}
	size, err := strconv.ParseInt(lines[2], 10, 64)
	if err != nil {
		return Farewell{}, false
	}
	next, err := NewVerifier(lines[3])
	return Farewell{Size: size, Next: next}, err == nil
}
