// Package desk is the agent on a PC of the staff with a card reader: it tells the centre which card is held to the reader, and which is left lying in it.
// It listens on no port. It asks the centre over HTTPS with the certificate that it got for a token, for a key that was made here.
//
// A tap is worth a few seconds: it is sent at once or not at all, and nothing of it is kept. Card numbers are in no log. A card that is left is
// reported for as long as it lies there, so that it does not matter which reports are lost.
package desk

import (
	"context"
	"crypto/rand"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"kanmon/internal/fault"
	"kanmon/internal/tap"
	"kanmon/reader"
	"kanmon/reader/credential"
)

// Times.
const (
	StatusEvery = 15 * time.Second // between two reports of how the desk is
	tapTime     = 4 * time.Second  // until a tap must have been sent
	showTime    = 2 * time.Second  // for which the reader shows an answer
	statusTime  = 10 * time.Second
	retryAfter  = 2 * time.Second // after a report that was not heard
)

// Link speaks to the centre; *Centre is one.
type Link interface {
	Tap(ctx context.Context, t tap.Tap) (tap.Taken, error)
	Status(ctx context.Context, s tap.Status) (tap.Answer, error)
}

// Config of an Agent. All fields are required.
type Config struct {
	Link     Link
	Software string
	Log      *slog.Logger
}

// Agent is the desk. Its methods that take what a reader finds never wait, and may be called from any goroutine.
type Agent struct {
	cfg   Config
	start string
	taps  chan held
	kick  chan struct{}

	mu      sync.Mutex
	drivers map[string]reader.Driver
	readers map[string]tap.Reader
	order   []string
	stays   stays
	watch   time.Duration
}

// held is a card that was held to a reader.
type held struct {
	reader string
	tap    tap.Tap
	at     time.Time
}

// New prepares an agent.
func New(cfg Config) *Agent {
	return &Agent{
		cfg: cfg, start: rand.Text(), taps: make(chan held, 1), kick: make(chan struct{}, 1),
		drivers: map[string]reader.Driver{}, readers: map[string]tap.Reader{}, stays: stays{},
	}
}

// Attach adds a reader, before Run.
func (a *Agent) Attach(name string, d reader.Driver) {
	a.drivers[name] = d
	a.order = append(a.order, name)
	a.readers[name] = tap.Reader{Name: name}
}

// Run works until ctx ends.
func (a *Agent) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, d := range a.drivers {
		g.Go(func() error { return d.Run(ctx) })
	}
	g.Go(func() error { return a.send(ctx) })
	g.Go(func() error { return a.report(ctx) })
	return g.Wait()
}

// Present takes a card that somebody held to a reader. It implements reader.Sink, and so do the following.
func (a *Agent) Present(p reader.Presentation) {
	number := tap.Number(p.Credential.Written())
	a.lies(p.Reader, number, p.At)
	a.offer(held{p.Reader, tap.Tap{Credential: number, Trust: string(p.Trust)}, p.At})
}

// Lies takes a card that was in a reader before anybody looked: nobody held it there just now.
func (a *Agent) Lies(reader string, c credential.Credential, since time.Time) {
	a.lies(reader, tap.Number(c.Written()), since)
}

// Fail takes a card that was there and could not be read, or is no identifier.
func (a *Agent) Fail(reader string, err error) {
	code := fault.CodeOf(err)
	if code == "" {
		code = "desk.unreadable"
	}
	a.cfg.Log.Info("card refused by the reader", slog.String("reader", reader), slog.String("code", code))
	now := time.Now()
	a.lies(reader, "", now)
	a.offer(held{reader, tap.Tap{Refused: code}, now})
}

// Removed says that the card is gone.
func (a *Agent) Removed(reader string) {
	a.mu.Lock()
	a.stays.gone(reader)
	a.mu.Unlock()
	a.wake()
}

// Left is what a reader says of a card that lies too long by its own measure; the centre's is what counts.
func (*Agent) Left(string, time.Duration) {}

// Up says that a reader works.
func (a *Agent) Up(reader string) { a.turn(reader, true, "") }

// Down says that it does not. What lay in it cannot be seen any more.
func (a *Agent) Down(reader, detail string) {
	a.mu.Lock()
	a.stays.gone(reader)
	a.mu.Unlock()
	a.turn(reader, false, detail)
}

func (a *Agent) turn(reader string, up bool, detail string) {
	a.mu.Lock()
	changed := a.readers[reader].Up != up
	a.readers[reader] = tap.Reader{Name: reader, Up: up, Detail: detail}
	a.mu.Unlock()
	if changed {
		a.cfg.Log.Info("reader", slog.String("reader", reader), slog.Bool("up", up), slog.String("detail", detail))
	}
	a.wake()
}

func (a *Agent) lies(reader string, number tap.Number, since time.Time) {
	a.mu.Lock()
	a.stays.put(reader, number, since)
	a.mu.Unlock()
	a.wake()
}

// wake has the report made now.
func (a *Agent) wake() {
	select {
	case a.kick <- struct{}{}:
	default:
	}
}

// offer hands a tap to the sender; one that still waits is older, and is dropped for it.
func (a *Agent) offer(h held) {
	for {
		select {
		case a.taps <- h:
			return
		default:
		}
		select {
		case <-a.taps:
		default:
		}
	}
}

// send sends taps as they come.
func (a *Agent) send(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case h := <-a.taps:
			a.show(ctx, h.reader, a.tap(ctx, h))
		}
	}
}

// tap sends one, and says what the reader is to show. A tap that nobody waits for shows nothing: the card may be for another program.
func (a *Agent) tap(ctx context.Context, h held) reader.Feedback {
	ctx, cancel := context.WithDeadline(ctx, h.at.Add(tapTime))
	defer cancel()
	h.tap.AgeMS = max(0, time.Since(h.at).Milliseconds())
	answer, err := a.cfg.Link.Tap(ctx, h.tap)
	switch {
	case err != nil:
		a.cfg.Log.Warn("tap not sent", slog.String("reader", h.reader), slog.Any("error", err))
		return reader.ShowTrouble
	case !answer.Taken:
		return 0
	case h.tap.Refused != "":
		return reader.ShowDenied
	}
	return reader.ShowGranted
}

func (a *Agent) show(ctx context.Context, name string, f reader.Feedback) {
	d := a.drivers[name]
	if f == 0 || d == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, showTime)
	defer cancel()
	if err := d.Show(ctx, f); err != nil && ctx.Err() == nil {
		a.cfg.Log.Warn("reader shows nothing", slog.String("reader", name), slog.Any("error", err))
	}
}

// report says how the desk is, every few seconds and when something changes.
func (a *Agent) report(ctx context.Context) error {
	heard := true
	for n := uint64(1); ; n++ {
		status, wait := a.status(n, time.Now())
		answer, err := a.ask(ctx, status)
		switch {
		case err == nil:
			a.follow(answer)
			if !heard {
				a.cfg.Log.Info("the centre answers again")
			}
		case ctx.Err() != nil: // rest ends it
		default:
			wait = retryAfter
			if heard {
				a.cfg.Log.Warn("the centre does not answer", slog.Any("error", err))
			}
		}
		heard = err == nil
		if !a.rest(ctx, wait) {
			return nil
		}
	}
}

func (a *Agent) ask(ctx context.Context, s tap.Status) (tap.Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, statusTime)
	defer cancel()
	return a.cfg.Link.Status(ctx, s)
}

// status is the report, and when the next one is due.
func (a *Agent) status(n uint64, now time.Time) (tap.Status, time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	list, next := a.stays.left(now, a.watch)
	s := tap.Status{Start: a.start, N: n, Software: a.cfg.Software, Readers: []tap.Reader{}, Stays: list}
	for _, name := range a.order {
		s.Readers = append(s.Readers, a.readers[name])
	}
	if d := next.Sub(now); !next.IsZero() && d < StatusEvery {
		return s, d
	}
	return s, StatusEvery
}

func (a *Agent) follow(answer tap.Answer) {
	a.mu.Lock()
	changed := a.watch != time.Duration(answer.WatchS)*time.Second
	a.watch = time.Duration(answer.WatchS) * time.Second
	if changed {
		a.stays.anew(time.Now(), a.watch)
	}
	a.mu.Unlock()
	if changed {
		a.wake() // what lies there may be too old by the new measure
	}
}

// rest waits for a time or for a change; false when ctx has ended. Changes that come one after the other are one report.
func (a *Agent) rest(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	case <-a.kick:
	}
	timer.Reset(gather)
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
	}
	return true
}

const gather = 200 * time.Millisecond
