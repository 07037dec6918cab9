package harness

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kanmon/api"
	"kanmon/firmware-sim/control"
	"kanmon/firmware-sim/pd"
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
// It does fail: with a core changed so that an entry, like an exit, does not wait for its record (presented in controller/core/decide.go),
// it found 3, 3 and 6 strikes without an event in three runs on 2026-11-26. TestReckoningMissesNoStrikeWithoutAnEvent keeps
// the reckoning itself honest.
// Exits are not part of it: they wait for no disk, on purpose.
func TestEveryStrikeHasItsEventAtTheCentreWhateverIsKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("kills for a minute: not with -short")
	}
	seed := killSeed(t)
	k := &killing{System: Start(t, Programs(), On(brokertest.Mosquitto)), t: t, random: rand.New(rand.NewPCG(seed, seed))}
	stopTaps, stopOrders := k.tapOn(), k.orderOn()
	for n, v := range k.plan(t) {
		k.kill(n, v)
	}
	stopOrders()
	stopTaps()
	k.reckon()
	k.checkOrders()
	k.checkLedger()
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
	lives  []time.Time // when the controller was started again
	kills  [3]int
	orders atomic.Int64 // that the centre answered
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

// kill waits until the door works, and for its moment, and kills.
func (k *killing) kill(n int, v victim) {
	k.t.Helper()
	k.strike("before kill " + strconv.Itoa(n))
	switch k.random.IntN(3) {
	case 0: // the very moment of a strike: whoever writes after it opens loses the record here
		k.strike("to kill at")
	case 1: // while a card that was just read is judged, written down and answered
		k.card()
		pause(time.Duration(k.random.IntN(4_000)) * time.Microsecond)
	default:
		pause(time.Duration(k.random.IntN(60_000)) * time.Microsecond)
	}
	k.kills[v]++
	switch v {
	case theController:
		k.controller.kill()
		pause(drained)
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

// drained is how long after a controller's end the line may still carry what it had written: the tty keeps it.
const drained = 100 * time.Millisecond

// strike returns at once when the board has been told something.
func (k *killing) strike(what string) {
	k.t.Helper()
	before := k.struck()
	k.watch("IO-1", "a strike "+what, func() bool { return !k.struck().Equal(before) })
}

// card returns at once when the controller has read a card.
func (k *killing) card() {
	k.t.Helper()
	before := k.Device("IN-1").Marks().CardSent
	k.watch("IN-1", "a card", func() bool { return k.Device("IN-1").Marks().CardSent.After(before) })
}

// watch looks at every change of a device.
func (k *killing) watch(device, what string, ok func() bool) {
	k.t.Helper()
	ctx, cancel := context.WithTimeout(k.t.Context(), Patience)
	defer cancel()
	if _, err := k.Device(device).Await(ctx, func(pd.Snapshot) bool { return ok() }); err != nil {
		k.t.Fatalf("%s: not within %v\n%s", what, Patience, k.logs())
	}
}

// struck is when the door's board was last told something.
func (k *killing) struck() time.Time { return k.Device("IO-1").Marks().OutputRead }

// tapOn holds cards to the strict door's reader until the returned function is called.
func (k *killing) tapOn() (stop func()) {
	inside := []string{"佐藤", "鈴木", "田中"} // in turn: the same card at once is the same wish
	return k.repeat(50*time.Millisecond, func(n int) {
		k.world.Handle(k.t.Context(), control.Request{Op: control.Hold, Reader: "IN-1", Card: inside[n%len(inside)]})
	})
}

// repeat does something again and again until the returned function is called.
func (k *killing) repeat(every time.Duration, do func(n int)) (stop func()) {
	ended := make(chan struct{})
	var doing sync.WaitGroup
	doing.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for n := 0; ; n++ {
			do(n)
			select {
			case <-ended:
				return
			case <-tick.C:
			}
		}
	})
	return func() { close(ended); doing.Wait() }
}

// suspended is whose card is suspended and lifted while everything is killed.
const suspended = "山本"

// orderOn suspends a card, lifts the suspension, and now and then releases the door, until the returned function is called. What
// the centre did not answer may have been done or not.
func (k *killing) orderOn() (stop func()) {
	card, client := k.Card(suspended), k.Client()
	order := func(path string, body map[string]string) {
		if err := client.Call(k.t.Context(), http.MethodPost, path, body, nil); err == nil {
			k.orders.Add(1)
		}
	}
	turns := k.repeat(300*time.Millisecond, func(n int) {
		order("cards/"+card+"/"+[]string{"suspend", "lift"}[n%2], map[string]string{"reason": "試験"})
	})
	releases := k.repeat(2*time.Second, func(int) {
		order("doors/D-1/release", map[string]string{"reason": "試験", "password": k.City.Users[0].Password})
	})
	return func() { turns(); releases() }
}

// checkOrders holds the last word on the card against the door: whatever was killed, both know the same.
func (k *killing) checkOrders() {
	k.t.Helper()
	last := k.revocationOf(suspended)
	k.AwaitConfirmed(last.Version)
	k.t.Logf("%d orders answered; the last one that counts is %d.%d, %s", k.orders.Load(), last.Version.Epoch, last.Version.N, last.State)
	want := map[string]string{"suspended": "credential_suspended", "active": "granted"}[last.State]
	k.Tap("IN-2", suspended)
	k.AwaitEvent("the card's last tap", func(e Event) bool { return e.Door == "D-2" && e.Reason == want })
}

// checkLedger stops the centre and checks every row of its database.
func (k *killing) checkLedger() {
	k.t.Helper()
	k.StopController()
	k.StopCentre()
	settings, err := api.ReadSettings(k.City.Files.CentreConfig())
	if err != nil {
		k.t.Fatal(err)
	}
	if report := k.verify(settings); !report.OK() {
		k.t.Errorf("the ledger does not hold: %+v", report.Findings)
	}
}

// reckon waits until everything is quiet and holds the strikes against the centre's log.
func (k *killing) reckon() {
	k.t.Helper()
	k.await("the readers' last reports", func() bool { return k.Device("IN-1").Snapshot().Waiting == 0 })
	k.await("a quiet door", func() bool {
		before := k.struck()
		pause(time.Second)
		return k.struck().Equal(before)
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
		k.t.Log(k.logs())
	}
}

// logs are the ends of what the processes have written.
func (k *killing) logs() string {
	const last = 20_000
	var all strings.Builder
	for _, program := range []string{"kanmon-api", "kanmon-controller"} {
		text, err := os.ReadFile(k.City.Files.Log(program))
		fmt.Fprintf(&all, "the end of the log of %s (%v):\n%s\n", program, err, text[max(0, len(text)-last):])
	}
	fmt.Fprintf(&all, "the controller was started again at %v", k.lives)
	return all.String()
}
