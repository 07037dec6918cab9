package harness

import (
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"kanmon/controller/controllertest"
	"kanmon/controller/journal"
	"kanmon/controller/policystore"
	"kanmon/internal/access"
	"kanmon/internal/event"
	"kanmon/internal/wire"
)

// The controller whose memory is measured: so many people with a card, a PIN and a PIN for threats each, and four rights, behind 16 doors.
const (
	memoryCards = 100_000
	memoryDoors = 16
	memoryAreas = 8
)

// memorySettles is how long a program is left alone before its memory is read: Go collects at least every two minutes, and gives back in the background.
const memorySettles = 150 * time.Second

func memorySpec() access.Spec {
	random := rand.New(rand.NewPCG(1, 2))
	key := func() (k access.Key) {
		for i := range k {
			k[i] = byte(random.IntN(256))
		}
		return k
	}
	s := access.Spec{Version: access.Version{Epoch: 1, N: 1}}
	for i := range memoryAreas {
		s.Areas = append(s.Areas, access.Area{ID: fmt.Sprintf("A-%d", i), Grade: 2, Record: access.Strict, Rules: access.Rules{
			Factors: access.FactorsCardPIN, InOut: true, Passback: access.PassbackHard, ResetAt: 240, TwoPerson: true, WindowS: 10, Visitors: 2, Most: 100, First: true,
		}})
		s.Schedules = append(s.Schedules, access.Schedule{ID: fmt.Sprintf("S-%d", i), Windows: []access.Window{{Day: i % 7, From: 480, Until: 1200}}})
	}
	for i := range memoryDoors {
		s.Doors = append(s.Doors, access.Door{
			ID: fmt.Sprintf("D-%02d", i), Area: s.Areas[i%memoryAreas].ID, ReleaseMS: 3000, HeldMS: 20_000, Interlock: s.Areas[i%memoryAreas].ID,
			EntryReads: []string{fmt.Sprintf("IN-%02d", i)}, ExitReads: []string{fmt.Sprintf("OUT-%02d", i)},
		})
	}
	for i := range memoryCards {
		person := fmt.Sprintf("P-%06d", i)
		s.People = append(s.People, access.Person{ID: person, Number: fmt.Sprintf("%06d", i)})
		s.Credentials = append(s.Credentials, access.Credential{Key: key(), Card: fmt.Sprintf("C-%06d", i), Person: person, State: access.Active})
		s.PINs = append(s.PINs, access.PIN{Person: person, Key: key(), Duress: key(), Until: 1_900_000_000})
		for n := range 4 {
			s.Rights = append(s.Rights, access.Right{
				Person: person, Area: s.Areas[(i+n)%memoryAreas].ID, Schedule: s.Schedules[(i+3*n)%memoryAreas].ID, Escort: n == 3, First: n == 3,
			})
		}
	}
	access.Order(&s)
	return s
}

// memoryConfig has one door, on a line that is not there.
const memoryConfig = `{"site": "demo", "controller": "ctl-1", "data_dir": "data", "broker": {"url": "tls://127.0.0.1:1"},
	"lines": [{"port": "line0", "devices": [{"name": "IO-1", "address": 1, "scbk_file": "io1.key"}]}],
	"doors": [{"id": "D-00", "strike": {"device": "IO-1", "output": 0}}]}`

// memoryController is the folder of an enrolled controller with that policy, and its configuration.
func memoryController(b *testing.B) (dir, config string) {
	b.Helper()
	centre := controllertest.StartCentre(b, "demo")
	dir = b.TempDir()
	config = filepath.Join(dir, "controller.json")
	for name, text := range map[string]string{"controller.json": memoryConfig, "io1.key": "91c3a7e04b5d2f68803e11f7c9da6254\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	dir = filepath.Join(dir, "data")
	centre.Enrol(b, "ctl-1", dir)
	spec := memorySpec()
	manifest, err := wire.SignPolicy(wire.Address{Site: "demo", Controller: "ctl-1", Kind: wire.Policy}, spec, time.Now(), centre.Key)
	if err != nil {
		b.Fatal(err)
	}
	store := policystore.New(policystore.Config{Dir: dir, Site: "demo", Controller: "ctl-1", Keys: wire.OneKey(centre.Key.Public())})
	if _, err := store.Save(spec, manifest); err != nil {
		b.Fatal(err)
	}
	return dir, config
}

// BenchmarkControllerMemory measures the resident memory of a controller, a process of its own, that starts with a large policy on its disk: the most it had,
// what it has when the policy is in force, and what it has when it was left alone.
func BenchmarkControllerMemory(b *testing.B) {
	for b.Loop() {
		dir, config := memoryController(b)
		p := NewProgram(b, "kanmon-controller", io.Discard, "run", "-config", config)
		p.Start()
		for !startedWithAPolicy(b, dir) {
			if !p.Alive() {
				b.Fatal("the controller ended")
			}
			<-time.After(50 * time.Millisecond)
		}
		b.ReportMetric(residentMB(b, p, "VmRSS"), "in-force-MB")
		b.ReportMetric(residentMB(b, p, "VmHWM"), "starting-most-MB")
		<-time.After(memorySettles)
		b.ReportMetric(residentMB(b, p, "VmRSS"), "settled-MB")
		b.ReportMetric(residentMB(b, p, "VmHWM"), "most-MB")
		b.ReportMetric(0, "ns/op")
	}
}

func startedWithAPolicy(b *testing.B, dir string) (started bool) {
	b.Helper()
	_, _ = journal.Look(b.Context(), journal.Config{Dir: dir, Controller: "ctl-1", Log: slog.New(slog.DiscardHandler)}, func(e event.Event) error { // not there yet
		started = started || e.Kind == event.Started && e.Policy != nil
		return nil
	})
	return started
}

// residentMB reads a line of a process's status, in units of 2^20 bytes.
func residentMB(b *testing.B, p *Program, line string) float64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid()))
	if err != nil {
		b.Fatal(err)
	}
	_, after, there := strings.Cut(string(text), line+":")
	kb, err := strconv.Atoi(strings.Fields(after + " x")[0])
	if !there || err != nil {
		b.Fatalf("%s: %v", line, err)
	}
	return float64(kb) / 1024
}

func (p *Program) pid() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cmd.Process.Pid
}
