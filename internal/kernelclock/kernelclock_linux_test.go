package kernelclock_test

import (
	"testing"

	"kanmon/internal/kernelclock"
)

// Case 26: asking needs no right and answers on the machine that runs the tests, whatever it answers.
func TestTheKernelAnswersWithoutAnyRight(t *testing.T) {
	if set, err := kernelclock.Set(); err != nil {
		t.Fatalf("set %v: %v", set, err)
	}
}
