package terminal

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/reader"
	"kanmon/reader/credential"
)

// Config of a Terminal. Name, Secret, Road, Sink, Attacked, Now and Log are required.
type Config struct {
	Name   string
	Secret Secret
	Road   Road
	Sink   reader.Sink
	// Attacked is told of messages that the secret did not sign, at most once a minute. It never waits.
	Attacked func(detail string)
	// Heartbeat is the longest silence before the terminal counts as down; 0: it may be silent for ever.
	Heartbeat time.Duration
	Now       func() time.Time // wall clock
	Log       *slog.Logger
}

// Road is how messages come.
type Road interface {
	// Run hands messages to take until ctx ends.
	Run(ctx context.Context, take Take) error
}

// Take takes a message and its signature. answer is what the person is shown; nil where there is nobody.
type Take func(body []byte, signature string) (answer <-chan reader.Feedback, err error)

// Terminal is one biometric terminal. It implements reader.Driver.
type Terminal struct {
	cfg   Config
	heard chan struct{} // something signed came; there is room for one

	mu     sync.Mutex
	once   *once
	answer chan reader.Feedback // of the last verdict
	forged forgeries
}

// New makes a terminal.
func New(cfg Config) *Terminal {
	return &Terminal{cfg: cfg, heard: make(chan struct{}, 1), once: newOnce(cfg.Now())}
}

// Run takes messages until ctx ends. An error says that the road is gone.
func (t *Terminal) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return t.cfg.Road.Run(ctx, t.take) })
	g.Go(func() error { return t.listen(ctx) })
	return g.Wait()
}

// listen says that the terminal is up when it speaks, and down when it has been silent for too long.
func (t *Terminal) listen(ctx context.Context) error {
	silence := time.NewTimer(t.cfg.Heartbeat)
	if t.cfg.Heartbeat == 0 {
		silence.Stop()
	}
	defer silence.Stop()
	up := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.heard:
			if !up {
				t.cfg.Sink.Up(t.cfg.Name)
			}
			up = true
			if t.cfg.Heartbeat != 0 {
				silence.Reset(t.cfg.Heartbeat)
			}
		case <-silence.C:
			up = false
			t.cfg.Sink.Down(t.cfg.Name, "nothing was heard for "+t.cfg.Heartbeat.String())
		}
	}
}

// Show answers the person, where the road brings answers back.
func (t *Terminal) Show(_ context.Context, f reader.Feedback) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.answer != nil {
		t.answer <- f // there is room for one
		t.answer = nil
	}
	return nil
}

func (t *Terminal) take(body []byte, signature string) (<-chan reader.Feedback, error) {
	m, err := t.admit(body, signature)
	if err != nil {
		return nil, t.refuse(err)
	}
	select {
	case t.heard <- struct{}{}:
	default:
	}
	if m.Verdict == Alive {
		return nil, nil
	}
	answer := t.expect()
	t.report(m)
	return answer, nil
}

func (t *Terminal) admit(body []byte, signature string) (Message, error) {
	m, err := t.cfg.Secret.Open(body, signature)
	if err != nil {
		return m, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return m, t.once.take(m, t.cfg.Now())
}

// refuse records what may be an attack, and a verdict that came too late: somebody stands before a door that stays shut.
func (t *Terminal) refuse(err error) error {
	switch fault.CodeOf(err) {
	case "terminal.signature":
		t.mu.Lock()
		detail := t.forged.count(t.cfg.Now())
		t.mu.Unlock()
		if detail == "" {
			return err // nor is the log filled by whoever reaches the port
		}
		t.cfg.Attacked(detail)
	case "terminal.repeated": // the terminal did not hear the answer
	default:
		t.cfg.Sink.Fail(t.cfg.Name, err)
	}
	t.cfg.Log.Warn("a terminal's message was refused", "reader", t.cfg.Name, "error", err)
	return err
}

func (t *Terminal) expect() <-chan reader.Feedback {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.answer = make(chan reader.Feedback, 1)
	return t.answer
}

var errUnknownPerson = errors.New("the terminal does not know the person")

func (t *Terminal) report(m Message) {
	if m.Verdict == Rejected {
		t.cfg.Sink.Fail(t.cfg.Name, fault.Wrap(fault.Denied, errUnknownPerson, "verdict"))
		return
	}
	c, err := credential.FromVerdict(m.Subject)
	if err != nil {
		t.cfg.Sink.Fail(t.cfg.Name, err)
		return
	}
	// What a terminal proves is for its profile to say: it alone knows how it looked.
	t.cfg.Sink.Present(reader.Presentation{Reader: t.cfg.Name, Credential: c, Trust: access.TrustMutual, At: t.cfg.Now()})
}
