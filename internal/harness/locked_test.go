package harness

import (
	"context"
	"testing"
	"time"

	"kanmon/firmware-sim/control"
	"kanmon/firmware-sim/pd"
)

// R43-2: a controller that is killed while a strike is energised leaves a door behind that locks within its release time, by the I/O
// device's own timer. The door of the demo has 3 s, and hangs on a device of its own address on the secure side.
func TestADoorIsLockedWithinItsReleaseTimeWhenTheControllerIsKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("starts programs: not with -short")
	}
	const release = 3 * time.Second
	s := Start(t, Programs(), Quiet())
	s.await("the door's own device", func() bool { return s.Device("IO-1").Snapshot().Secure })
	s.world.Handle(t.Context(), control.Request{Op: control.Hold, Reader: "IN-1", Card: "佐藤"})
	energised := func(on bool) func(pd.Snapshot) bool {
		return func(p pd.Snapshot) bool { return p.Outputs[0] == on }
	}
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	if _, err := s.Device("IO-1").Await(ctx, energised(true)); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	s.controller.kill()
	s.await("a locked door", func() bool { return energised(false)(s.Device("IO-1").Snapshot()) })
	if took := time.Since(began); took > release+500*time.Millisecond {
		t.Errorf("energised for %v after the controller was killed, released for %v", took, release)
	} else {
		t.Logf("locked %v after it was energised, the controller killed meanwhile", took.Round(time.Millisecond))
	}
}
