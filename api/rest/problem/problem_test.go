package problem_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"kanmon/api/rest/problem"
	"kanmon/internal/fault"
)

var update = flag.Bool("update", false, "write the golden file anew")

type later struct{ error }

func (later) RetryAfter() time.Duration { return 1500 * time.Millisecond }

func TestEveryKindHasItsStatusAndSentence(t *testing.T) {
	secret := errors.New("pq: password authentication failed for user kanmon at 10.0.0.7")
	var all bytes.Buffer
	for _, err := range []error{
		secret,
		fault.Wrap(fault.Internal, fault.New(fault.Conflict, "card.label_taken", "inner"), "outer"),
		fault.BadField("password", "account.password_length", "password of 3 characters"),
		fault.New(fault.Invalid, "no.such.code", "text"),
		fault.New(fault.NotFound, "route.not_found", "text"),
		fault.New(fault.Conflict, "staff.no_taken", "text"),
		fault.New(fault.Denied, "auth.denied", "text"),
		fault.New(fault.Unauthenticated, "auth.session", "text"),
		fault.New(fault.TooLarge, "request.too_large", "text"),
		fault.Wrap(fault.TooMany, later{secret}, "log in"),
		fault.New(fault.Unavailable, "", "text"),
	} {
		for _, lang := range []string{"", "en-GB,en;q=0.9,ja;q=0.5"} {
			r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
			r.Header.Set("Accept-Language", lang)
			w := httptest.NewRecorder()
			problem.Write(w, r, err)
			fmt.Fprintf(&all, "%d %s retry=%q auth=%q\n", w.Code, w.Header().Get("Content-Type"),
				w.Header().Get("Retry-After"), w.Header().Get("WWW-Authenticate"))
			if err := json.Indent(&all, w.Body.Bytes(), "", "  "); err != nil {
				t.Fatal(err)
			}
		}
	}
	if strings.Contains(all.String(), "10.0.0.7") || strings.Contains(all.String(), "text") {
		t.Error("the text of an error left the program")
	}
	golden(t, all.Bytes())
}

func golden(t *testing.T, got []byte) {
	t.Helper()
	const file = "testdata/problems.txt"
	if *update {
		if err := os.WriteFile(file, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("problems changed; look, then run with -update. Now:\n%s", got)
	}
}
