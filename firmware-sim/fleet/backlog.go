package fleet

import (
	"context"
	"log/slog"
	"os"
	"time"

	"kanmon/controller/journal"
	"kanmon/internal/access"
	"kanmon/internal/event"
)

// batch is how many synthetic events one commit of a journal takes.
const batch = 1000

// Backlog puts n synthetic refusals into the controller's journal, as a controller has them that was long cut off. It must not
// run meanwhile.
func (m *Member) Backlog(ctx context.Context, n int, now time.Time) error {
	if err := os.MkdirAll(m.Config.DataDir, 0o700); err != nil {
		return err
	}
	j, err := journal.New(journal.Config{Dir: m.Config.DataDir, Controller: m.Name, Floor: now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- j.Run(ctx) }()
	err = m.fill(ctx, j, n, now)
	stop()
	if failed := <-ended; err == nil {
		err = failed
	}
	return err
}

func (m *Member) fill(ctx context.Context, j *journal.Journal, n int, now time.Time) error {
	for done := 0; done < n; {
		events := make([]event.Event, min(batch, n-done))
		for i := range events {
			events[i] = m.refusal(now.Add(time.Duration(done+i-n) * time.Millisecond))
		}
		if _, err := j.Append(ctx, events, journal.Change{}); err != nil {
			return err
		}
		done += len(events)
	}
	return nil
}

// refusal is the event of an unknown card at the controller's door.
func (m *Member) refusal(at time.Time) event.Event {
	return event.Event{
		At: at.UTC().Truncate(time.Microsecond), Kind: event.AccessDenied, Door: m.Door, Area: Area, Reader: m.Reader, Direction: access.In,
		Reason: access.UnknownCredential, Credential: access.Key{1}.Fingerprint(),
	}
}
