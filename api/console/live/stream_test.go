package live_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kanmon/api/console/consoletest"
	"kanmon/api/console/live"
	"kanmon/api/console/pagetest"
	"kanmon/api/console/ui"
	"kanmon/internal/access"
	"kanmon/internal/event"
	"kanmon/internal/fault"
	"kanmon/lifecycle/entrylog"
)

// wire is a connection that keeps what was written.
type wire struct {
	mu     sync.Mutex
	header http.Header
	body   bytes.Buffer
	broken error
	limit  time.Time // the write deadline
}

func (w *wire) Header() http.Header { return w.header }
func (w *wire) WriteHeader(int)     {}
func (w *wire) Flush()              {}

func (w *wire) SetWriteDeadline(t time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.limit = t
	return nil
}

func (w *wire) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken != nil {
		return 0, w.broken
	}
	return w.body.Write(b)
}

// took returns the events written since the last call.
func (w *wire) took(t *testing.T) []sent {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	defer w.body.Reset()
	return parse(t, &w.body)
}

type sent struct{ id, name, data string }

// parse reads an event stream as a browser does: lines end with CR, LF or both.
func parse(t *testing.T, r io.Reader) []sent {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	var list []sent
	var m sent
	for _, line := range strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(b)), "\n") {
		name, value, _ := strings.Cut(line, ": ")
		switch name {
		case "":
			if m.name != "" {
				list = append(list, m)
			}
			m = sent{}
		case "id":
			m.id = value
		case "event":
			m.name = value
		case "data":
			m.data += value + "\n"
		default:
			t.Errorf("line %q", line)
		}
	}
	return list
}

func names(list []sent) string {
	var s []string
	for _, m := range list {
		s = append(s, m.name+m.id)
	}
	return strings.Join(s, " ")
}

// watch opens a stream inside a synctest bubble.
func (d desk) watch(t *testing.T, path, lastEventID string) (w *wire, end context.CancelFunc) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := pagetest.Get(path, "ja").WithContext(ctx)
	if lastEventID != "" {
		r.Header.Set("Last-Event-ID", lastEventID)
	}
	w = &wire{header: http.Header{}}
	go func() {
		if err := d.pages.Routes()[1].Handle(w, r, d.guard); err != nil {
			t.Errorf("stream: %v", err)
		}
	}()
	synctest.Wait()
	return w, func() { cancel(); synctest.Wait() }
}

func opened(n int) entrylog.Entry {
	return entrylog.Entry{At: consoletest.Now, Kind: event.DoorOpened, Door: "D-1", DoorName: fmt.Sprint("扉", n)}
}

func TestANewEntryIsOnTheWireWithinASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, nil)
		w, end := d.watch(t, "/live/stream?after=0", "")
		defer end()
		if got := names(w.took(t)); got != "beat0" {
			t.Fatalf("at the start: %s", got)
		}
		began := time.Now()
		d.entries.Add(opened(1))
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		got := w.took(t)
		if names(got) != "row3" || !strings.Contains(got[0].data, `<tr id="e3" class="other"`) || !strings.Contains(got[0].data, "扉1") {
			t.Errorf("got %+v", got)
		}
		if w.limit.Before(began) {
			t.Error("written without a deadline")
		}
	})
}

// What came before its turn is replaced as a whole whenever it changes, and is gone when the record has come.
func TestEventsBeforeTheirTurnComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, nil)
		d.entries.Show(forced(7))
		w, end := d.watch(t, "/live/stream?after=0", "")
		defer end()
		if got := w.took(t); names(got) != "early0 beat0" || strings.Count(got[0].data, "<tr ") != 1 || !strings.Contains(got[0].data, `id="p-ctl-1-1-7"`) {
			t.Fatalf("at the start: %+v", got)
		}
		step := func(want string, rows int) {
			t.Helper()
			time.Sleep(200 * time.Millisecond)
			synctest.Wait()
			got := w.took(t)
			if names(got) != want || rows >= 0 && strings.Count(got[len(got)-1].data, "<tr ") != rows {
				t.Errorf("got %+v, want %s with %d rows", got, want, rows)
			}
		}
		d.entries.Show(forced(8), forced(7))
		step("early0", 2)
		d.entries.Show(forced(8), forced(7)) // the same again
		step("", -1)
		d.entries.Add(opened(1))
		d.entries.Show()
		step("row3 early3", 0)
	})
}

func TestAStreamResumesAfterTheLastEntryTheClientHad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, nil)
		for n := range 4 {
			d.entries.Add(opened(n))
		}
		for _, c := range []struct{ path, header, want string }{
			{"/live/stream?after=6", "", "row9 row12 beat12"},
			{"/live/stream?after=3", "9", "row12 beat12"}, // the header is newer than the address
			{"/live/stream?after=12", "", "beat12"},
			{"/live/stream?after=3&show=alarm", "", "beat12"},
			{"/live/stream?after=3&door=D-1", "", "row6 row9 row12 beat12"},
		} {
			w, end := d.watch(t, c.path, c.header)
			if got := names(w.took(t)); got != c.want {
				t.Errorf("%s, Last-Event-ID %q: %s, want %s", c.path, c.header, got, c.want)
			}
			end()
		}
		if n := d.entries.Listeners(); n != 0 {
			t.Errorf("%d listeners are left", n)
		}
	})
}

func TestEverythingArrivesOnceAndInOrderOverManyBreaks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, nil)
		last, want := "0", 0
		var got []string
		for round := range 30 {
			w, end := d.watch(t, "/live/stream?after="+last, "")
			for range round % 7 {
				d.entries.Add(opened(want))
				want++
			}
			if round%3 != 0 { // sometimes the line breaks before anything was fetched
				time.Sleep(150 * time.Millisecond)
			}
			end()
			for _, m := range w.took(t) {
				if last = m.id; m.name == "row" {
					got = append(got, m.id)
				}
			}
		}
		w, end := d.watch(t, "/live/stream?after="+last, "")
		defer end()
		for _, m := range w.took(t) {
			if m.name == "row" {
				got = append(got, m.id)
			}
		}
		if len(got) != want {
			t.Errorf("%d rows arrived, want %d", len(got), want)
		}
		for i, id := range got {
			if id != strconv.Itoa(3*(i+1)) {
				t.Fatalf("row %d has id %s", i, id)
			}
		}
	})
}

func TestAQuietStreamBeatsEveryFifteenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, nil)
		w, end := d.watch(t, "/live/stream", "")
		defer end()
		w.took(t)
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := names(w.took(t)); strings.Count(got, "beat0") != 4 {
			t.Errorf("in a minute: %s", got)
		}
	})
}

// R104-1, R101-1: neither a session that ended nor a role that was taken away goes on watching.
func TestAStreamEndsWithTheSessionOrTheRight(t *testing.T) {
	for name, identify := range map[string]func() (ui.Visitor, error){
		"session ended": func() (ui.Visitor, error) {
			return ui.Visitor{}, fault.New(fault.Unauthenticated, "auth.session", "gone")
		},
		"right lost": func() (ui.Visitor, error) { return consoletest.Visitor("contractor"), nil },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := open(t, func(c *live.Config) {
					c.Identify = func(*http.Request) (ui.Visitor, error) { return identify() }
				})
				w, end := d.watch(t, "/live/stream", "")
				defer end()
				time.Sleep(15 * time.Second)
				synctest.Wait()
				d.entries.Add(opened(1))
				time.Sleep(time.Minute)
				synctest.Wait()
				if got := names(w.took(t)); got != "beat0 end0" {
					t.Errorf("got %s", got)
				}
				if n := d.entries.Listeners(); n != 0 {
					t.Errorf("%d listeners are left", n)
				}
			})
		})
	}
}

func TestAlarmsChangeTheFigure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, nil)
		w, end := d.watch(t, "/live/stream", "")
		defer end()
		w.took(t)
		d.entries.Add(entrylog.Entry{At: consoletest.Now, Kind: event.DoorForced, Door: "D-2"})
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		got := w.took(t)
		if names(got) != "row3 tally3" || !strings.Contains(got[1].data, `{"alarms":1,"text":"1件"}`) {
			t.Errorf("got %+v", got)
		}
	})
}

func TestAClientFarBehindIsToldToAskForThePage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, nil)
		for n := range 700 {
			d.entries.Add(opened(n))
		}
		w, end := d.watch(t, "/live/stream?after=3", "")
		defer end()
		got := w.took(t)
		if last := got[len(got)-1]; last.name != "reload" || len(got) != 501 {
			t.Errorf("%d events, the last %s", len(got), last.name)
		}
	})
}

func TestAClientAheadOfARestoredCentreIsToldToAskForThePage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, nil)
		d.entries.Add(opened(1))
		w, end := d.watch(t, "/live/stream?after=900", "")
		defer end()
		if got := names(w.took(t)); got != "reload900" {
			t.Errorf("got %s", got)
		}
	})
}

func TestAClientThatTakesNothingIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, nil)
		w, end := d.watch(t, "/live/stream", "")
		defer end()
		w.mu.Lock()
		w.broken = errors.New("deadline passed")
		w.mu.Unlock()
		d.entries.Add(opened(1))
		time.Sleep(time.Second)
		synctest.Wait()
		if n := d.entries.Listeners(); n != 0 {
			t.Errorf("%d listeners are left", n)
		}
	})
}

// The data of an event may hold any text: nothing in it ends the event.
func TestNoTextCanEndAnEventOfTheStream(t *testing.T) {
	for _, text := range []string{"a\n\nevent: end\n", "a\r\revent: end", "a\r\n\r\nid: 9\r\n", "\n", "", pagetest.Hostile} {
		got := parse(t, strings.NewReader(live.Frame(7, "row", text)))
		if len(got) != 1 || got[0].name != "row" || got[0].id != "7" {
			t.Errorf("%q became %+v", text, got)
		}
	}
}

func FuzzFrame(f *testing.F) {
	f.Add("a\n\nevent: end\n")
	f.Add("\r\r\n\n\r")
	f.Fuzz(func(t *testing.T, text string) {
		got := parse(t, strings.NewReader(live.Frame(7, "row", text)))
		want := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text) + "\n"
		if len(got) != 1 || got[0].data != want {
			t.Errorf("%q became %+v", text, got)
		}
	})
}

// Over a real connection: the page is made, the line breaks, entries come, the client comes back with its last id.
func TestABrowserResumesOverHTTP(t *testing.T) {
	d := open(t, nil)
	mux := http.NewServeMux()
	for _, r := range d.pages.Routes() {
		mux.HandleFunc(r.Pattern, func(w http.ResponseWriter, req *http.Request) {
			if err := r.Handle(w, req, d.guard); err != nil {
				t.Errorf("%s: %v", r.Pattern, err)
			}
		})
	}
	server := httptest.NewServer(mux)
	defer server.Close()
	d.entries.Add(opened(1))
	read := func(last string, n int) (ids []string) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		req, _ := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/live/stream?after=3", nil)
		if last != "" {
			req.Header.Set("Last-Event-ID", last)
		}
		res, err := server.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if got := res.Header.Get("Content-Type"); !strings.HasPrefix(got, "text/event-stream") {
			t.Fatalf("Content-Type %q", got)
		}
		if n == 1 { // not connected yet when this entry was made
			d.entries.Add(opened(2))
		}
		lines := bufio.NewScanner(res.Body)
		for len(ids) < n && lines.Scan() {
			if id, ok := strings.CutPrefix(lines.Text(), "id: "); ok && lines.Scan() && lines.Text() == "event: row" {
				ids = append(ids, id)
			}
		}
		return ids
	}
	if got := read("", 1); !slices.Equal(got, []string{"6"}) {
		t.Fatalf("first connection: %v", got)
	}
	d.entries.Add(entrylog.Entry{At: consoletest.Now, Kind: event.AccessDenied, Reason: access.NoRight, Door: "D-1"})
	d.entries.Add(opened(4))
	if got := read("6", 2); !slices.Equal(got, []string{"9", "12"}) {
		t.Fatalf("second connection: %v", got)
	}
}
