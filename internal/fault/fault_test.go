package fault_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"kanmon/internal/fault"
)

func TestTheKindAndCodeComeFromTheOutermostClassifiedError(t *testing.T) {
	inner := fault.BadField("card", "card.already_issued", "card C-1 is issued")
	for _, test := range []struct {
		name  string
		err   error
		kind  fault.Kind
		code  string
		field string
	}{
		{"an error nobody classified", io.EOF, fault.Internal, "", ""},
		{"no error", nil, fault.Internal, "", ""},
		{"a bad field", inner, fault.Invalid, "card.already_issued", "card"},
		{"wrapped by fmt", fmt.Errorf("issue: %w", inner), fault.Invalid, "card.already_issued", "card"},
		{"classified again", fault.Wrap(fault.Conflict, inner, "issue card"), fault.Conflict, "card.already_issued", "card"},
		{"a foreign error classified", fault.Wrap(fault.Unavailable, io.EOF, "read"), fault.Unavailable, "", ""},
		{"joined", errors.Join(io.EOF, fault.New(fault.Denied, "x", "y")), fault.Denied, "x", ""},
	} {
		if k, c := fault.KindOf(test.err), fault.CodeOf(test.err); k != test.kind || c != test.code {
			t.Errorf("%s: %v %q", test.name, k, c)
		}
		if e, ok := errors.AsType[*fault.Error](test.err); ok && e.Field != test.field {
			t.Errorf("%s: field %q", test.name, e.Field)
		}
	}
}

func TestWrappingKeepsTheCauseAndNothingStaysNothing(t *testing.T) {
	err := fault.Wrap(fault.Unavailable, fmt.Errorf("disk: %w", io.ErrShortWrite), "append to journal")
	if !errors.Is(err, io.ErrShortWrite) || err.Error() != "append to journal: disk: short write" {
		t.Errorf("%v", err)
	}
	if err := fault.Wrap(fault.Invalid, nil, "x"); err != nil {
		t.Errorf("wrapped nothing into %v", err)
	}
	if fault.New(fault.Denied, "c", "text").Error() != "text" {
		t.Error("the text is lost")
	}
}

func TestKindsHaveStableNames(t *testing.T) {
	want := map[fault.Kind]string{
		fault.Internal: "internal", fault.Invalid: "invalid", fault.NotFound: "not_found", fault.Conflict: "conflict", fault.Denied: "denied",
		fault.Unauthenticated: "unauthenticated", fault.TooLarge: "too_large", fault.TooMany: "too_many", fault.Unavailable: "unavailable", 99: "internal",
	}
	for k, name := range want {
		if k.String() != name {
			t.Errorf("kind %d is called %s, want %s", k, k, name)
		}
	}
}
