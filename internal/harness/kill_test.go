package harness

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"kanmon/firmware-sim/control"
	"kanmon/internal/broker/brokertest"
)

// What the kill tests do in one run of the suite; make torture goes on for KANMON_TORTURE minutes.
const (
	controllerKills = 50
	centreKills     = 20
	brokerKills     = 20
)

// victim is what is killed next.
type victim int

const (
	theController victim = iota
	theCentre
	theBroker
)

func (v victim) String() string { return [...]string{"controller", "centre", "broker"}[v] }

// R84-1, R43-2: no record, no entry, and every entry at the centre exactly once, whatever is killed and whenever. The truth is the
// simulated line's own log of the strikes it energised. The centre, the controller and an external broker are processes that are
// killed with SIGKILL while cards are held to the strict door's reader as fast as its line takes them.
//
// It does fail: with core.record changed so that the gate opens before its record is on disk, run on 2026-11-26, it found
// strikes without an event at the centre (TestReckoningMissesNoStrikeWithoutAnEvent keeps the reckoning itself honest).
// Exits are not part of it: they wait for no disk, on purpose.
func TestEveryStrikeHasItsEventAtTheCentreWhateverIsKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("kills for a minute: not with -short")
	}
	seed := killSeed(t)
	k := &killing{System: Start(t, Programs(), On(brokertest.Mosquitto)), t: t, random: rand.New(rand.NewPCG(seed, seed))}
	stop := k.tapOn()
	for n, v := range k.plan(t) {
		k.kill(n, v)
	}
	stop()
	k.reckon()
}

// killSeed is KANMON_SEED, or a fresh one, which is printed. A seed gives the same victims and pauses again, not the same instructions.
func killSeed(t *testing.T) uint64 {
	t.Helper()
	seed := rand.Uint64()
	if text := os.Getenv("KANMON_SEED"); text != "" {
		given, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("KANMON_SEED: %v", err)
		}
		seed = given
	}
	t.Logf("KANMON_SEED=%d", seed)
	return seed
}

type killing struct {
	*System
	t      *testing.T
	random *rand.Rand
	lives  []time.Time // of the controller: when it was killed
	kills  [3]int
}

// plan yields the victims: the numbers above in a random order, or, for the time that KANMON_TORTURE says, any.
func (k *killing) plan(t *testing.T) func(func(int, victim) bool) {
	t.Helper()
	if text := os.Getenv("KANMON_TORTURE"); text != "" {
		minutes, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatalf("KANMON_TORTURE: minutes, such as 10: %v", err)
		}
		end := time.Now().Add(time.Duration(minutes * float64(time.Minute)))
		return func(yield func(int, victim) bool) {
			for n := 0; time.Now().Before(end) && yield(n, victim(k.random.IntN(3))); n++ {
			}
		}
	}
	all := slices.Concat(slices.Repeat([]victim{theController}, controllerKills), slices.Repeat([]victim{theCentre}, centreKills), slices.Repeat([]victim{theBroker}, brokerKills))
	k.random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return slices.All(all)
}

// kill waits until the door works, and a little, and kills.
func (k *killing) kill(n int, v victim) {
	k.t.Helper()
	before := k.struck()
	k.await("a strike before kill "+strconv.Itoa(n), func() bool { return k.struck() != before })
	pause(time.Duration(k.random.IntN(60_000)) * time.Microsecond) // the way of one tap, and more
	k.kills[v]++
	switch v {
	case theController:
		k.controller.kill()
		k.lives = append(k.lives, time.Now())
		k.StartController()
	case theCentre:
		k.centre.kill()
		pause(time.Duration(k.random.IntN(100)) * time.Millisecond)
		k.StartCentre()
	case theBroker:
		k.Mosquitto.Kill()
		pause(time.Duration(k.random.IntN(100)) * time.Millisecond)
		k.Mosquitto.Start()
	}
}

func pause(d time.Duration) { <-time.After(d) }

// struck is when the door's board was last told something.
func (k *killing) struck() time.Time { return k.Device("IO-1").Marks().OutputRead }

// tapOn holds cards to the strict door's reader until the returned function is called.
func (k *killing) tapOn() (stop func()) {
	ended := make(chan struct{})
	var tapping sync.WaitGroup
	tapping.Go(func() {
		inside := []string{"佐藤", "鈴木", "田中"} // in turn: the same card at once is the same wish
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for n := 0; ; n++ {
			k.world.Handle(k.t.Context(), control.Request{Op: control.Hold, Reader: "IN-1", Card: inside[n%len(inside)]})
			select {
			case <-ended:
				return
			case <-tick.C:
			}
		}
	})
	return func() { close(ended); tapping.Wait() }
}

// reckon waits until everything is quiet and holds the strikes against the centre's log.
func (k *killing) reckon() {
	k.t.Helper()
	k.await("the readers' last reports", func() bool { return k.Device("IN-1").Snapshot().Waiting == 0 })
	k.await("a quiet door", func() bool {
		before := k.struck()
		pause(time.Second)
		return k.struck() == before
	})
	k.AwaitDoors()
	k.await("all events at the centre", func() bool { return k.Backlog() == 0 })
	strikes, events := k.Strikes(), k.Events()
	granted := count(events, "access_granted")
	k.t.Logf("killed: controller %d, centre %d, broker %d times; %d strikes, %d grants, %d events", k.kills[theController], k.kills[theCentre], k.kills[theBroker], len(strikes), granted, len(events))
	if missing := Unaccounted(strikes, events, k.lives); len(missing) > 0 {
		k.t.Errorf("%d strikes have no event at the centre:%s", len(missing), describe(missing))
	}
	for _, wrong := range Twice(events) {
		k.t.Error(wrong)
	}
	if len(strikes) < 2*len(k.lives) {
		k.t.Errorf("only %d strikes in %d lives of the controller: the test did not disturb what it means to", len(strikes), len(k.lives)+1)
	}
	if k.t.Failed() {
		k.keep()
	}
}

// keep says where to look after a failure.
func (k *killing) keep() {
	k.t.Helper()
	for _, program := range []string{"kanmon-api", "kanmon-controller"} {
		text, err := os.ReadFile(k.City.Files.Log(program))
		if err != nil {
			k.t.Log(err)
			continue
		}
		const last = 20_000
		k.t.Logf("the end of the log of %s:\n%s", program, text[max(0, len(text)-last):])
	}
	k.t.Log(fmt.Sprintf("lives of the controller ended at %v", k.lives))
}
