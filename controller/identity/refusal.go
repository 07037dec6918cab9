package identity

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode"

	"kanmon/internal/ask"
	"kanmon/internal/fault"
)

// refusal is an answer of the centre that is none: its problem document (RFC 9457), in Japanese as we ask for it.
type refusal struct {
	Status int    `json:"-"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
	Code   string `json:"code"`
}

const maxDetail = 500 // bytes

func (r *refusal) Error() string {
	text := r.Detail
	if text == "" {
		text = r.Title
	}
	return fmt.Sprintf("the centre refuses (%d %s): %s", r.Status, http.StatusText(r.Status), printable(text))
}

// printable keeps what is for a terminal on one line.
func printable(s string) string {
	s = strings.ToValidUTF8(s[:min(len(s), maxDetail)], "")
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, s)
}

// refused reads a refusal. It is Unavailable when it may pass by itself, else Denied.
func refused(status int, b []byte) error {
	r := &refusal{Status: status}
	_ = json.Unmarshal(b, r) // what is no problem document has no words for us
	return fault.Wrap(ask.KindOf(status), r, "ask the centre")
}

// unreached says why no answer came. A clock that is behind is the one cause that only a person at the machine can mend.
func unreached(err error, now time.Time) error {
	if bad, ok := errors.AsType[x509.CertificateInvalidError](err); ok && bad.Reason == x509.Expired && now.Before(bad.Cert.NotBefore) {
		return fault.New(fault.Unavailable, "identity.clock",
			fmt.Sprintf("この装置の時計が %[1]s を指しています。時計を合わせてください。/ the clock of this machine says %[1]s: set it", now.UTC().Format(time.RFC3339)))
	}
	return fault.Wrap(fault.Unavailable, err, "ask the centre")
}
