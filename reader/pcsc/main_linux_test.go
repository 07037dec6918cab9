package pcsc

import (
	"testing"

	"go.uber.org/goleak"

	"kanmon/reader/pcsc/pcscdtest"
)

// No test leaves a goroutine behind, in a call of PC/SC or elsewhere.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) { pcscdtest.Clean(); exit(code) }))
}
