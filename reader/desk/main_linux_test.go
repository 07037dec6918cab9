package desk

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"kanmon/reader/pcsc/pcscdtest"
)

var exit = os.Exit

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) { pcscdtest.Clean(); exit(code) }))
}
