package lifecycletest

import (
	"errors"
	"testing"

	"kanmon/internal/fault"
)

// WantFault fails the test unless err is of the kind and code.
func WantFault(tb testing.TB, err error, kind fault.Kind, code string) {
	tb.Helper()
	if err == nil || fault.KindOf(err) != kind || fault.CodeOf(err) != code {
		tb.Fatalf("error %v (%v, %q), want %v, %q", err, fault.KindOf(err), fault.CodeOf(err), kind, code)
	}
}

// WantField fails the test unless err names the field.
func WantField(tb testing.TB, err error, field string) {
	tb.Helper()
	e, ok := errors.AsType[*fault.Error](err)
	if !ok || e.Field != field {
		tb.Fatalf("error %v does not name the field %q", err, field)
	}
}
