package bus

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"kanmon/internal/fault"
	"kanmon/reader/osdp"
	"kanmon/reader/osdp/bus/internal/exchange"
	"kanmon/reader/osdp/bus/internal/keying"
	"kanmon/reader/osdp/bus/internal/order"
)

// Bus serves one line.
type Bus struct {
	cfg    Config
	byName map[string]*device
	wake   chan struct{} // an order was added

	mu    sync.Mutex
	stats Stats // guarded by mu

	// The rest belongs to the goroutine in Run.
	devices   []*device
	last      int       // index of the device served last
	nextProbe time.Time // no silent device is tried before, while others are alive
	orders    int       // orders served in a row
	poll      bool      // the device chosen is to get no order, although some wait for it
	lastRND   osdp.RND
}

// New checks the configuration and returns a Bus that Run sets to work.
func New(cfg Config) (*Bus, error) {
	cfg, err := cfg.checked()
	if err != nil {
		return nil, err
	}
	b := &Bus{cfg: cfg, byName: map[string]*device{}, wake: make(chan struct{}, 1)}
	for _, c := range cfg.Devices {
		d := &device{Device: c, bus: b, queue: order.NewQueue[Command](), keys: keying.New(c.Key, c.Pending, cfg.Timing.keyLimits())}
		b.devices = append(b.devices, d)
		b.byName[c.Name] = d
	}
	return b, nil
}

func (b *Bus) kick() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// Run serves the line until ctx is done, and returns ctx's error then. It survives the loss of the line: the
// devices are silent meanwhile, and the line is opened again. Other errors are a line that can never open and a
// random source that does not work. Run is called once.
func (b *Bus) Run(ctx context.Context) error {
	if err := b.checkRandom(); err != nil {
		return err
	}
	defer b.stop()
	now := time.Now()
	for _, d := range b.devices {
		d.start(now)
	}
	for pause := time.Duration(0); ; {
		port, err := b.open(ctx, pause)
		if err != nil {
			return err
		}
		opened := time.Now()
		err = b.serve(ctx, exchange.New(port, b.cfg.Baud, b.cfg.Timing.Reply, b.cfg.Timing.InterByte))
		closing := port.Close()
		if !errors.Is(err, exchange.ErrLost) {
			return err
		}
		b.cfg.Log.WarnContext(ctx, "osdp line lost", "error", err, "closing", closing)
		b.lineLost()
		pause = nextPause(pause, time.Since(opened))
	}
}

const (
	firstPause = 100 * time.Millisecond
	longPause  = 5 * time.Second
)

// nextPause spares the processor a line that opens and is lost at once, again and again.
func nextPause(pause, lived time.Duration) time.Duration {
	if lived > longPause {
		return 0
	}
	return min(max(2*pause, firstPause), longPause)
}

// open waits for the line and tells meanwhile which devices are offline.
func (b *Bus) open(ctx context.Context, pause time.Duration) (Port, error) {
	type result struct {
		port Port
		err  error
	}
	opened := make(chan result, 1)
	go func() {
		if err := sleep(ctx, pause); err != nil {
			opened <- result{err: err}
			return
		}
		p, err := b.cfg.Open(ctx)
		opened <- result{p, err}
	}()
	for {
		timer := time.NewTimer(time.Until(b.nextOffline(time.Now())))
		select {
		case r := <-opened:
			timer.Stop()
			if r.err != nil {
				return nil, fmt.Errorf("open osdp line: %w", r.err)
			}
			return r.port, nil
		case now := <-timer.C:
			b.checkOffline(now)
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// serve does one exchange after the other until the line is lost or ctx is done.
func (b *Bus) serve(ctx context.Context, l *exchange.Line) error {
	for {
		now := time.Now()
		b.checkOffline(now)
		d, wait := b.pick(now)
		if rest := l.Rest(now); d == nil || rest > 0 {
			if err := l.Idle(ctx, max(wait, rest), b.wake); err != nil {
				return err
			}
			continue // and choose again: an order may have come
		}
		if err := b.exchange(ctx, l, d); err != nil {
			return err
		}
	}
}

// exchange sends a device its next frame and hands it what came back.
func (b *Bus) exchange(ctx context.Context, l *exchange.Line, d *device) error {
	if err := l.Clear(); err != nil {
		return err
	}
	f, err := d.prepare(ctx, time.Now())
	if err != nil || f == nil {
		return err
	}
	b.serving(d, f)
	f.sends++
	reply, match, err := l.Ask(ctx, f.command, f.bytes)
	b.count(l, match, err)
	now := time.Now()
	switch {
	case errors.Is(err, exchange.ErrSilence):
		d.unanswered(now)
	case err != nil:
		return err
	case match == osdp.MatchBusy:
		d.busy(now)
	case match == osdp.MatchLost:
		d.lostPlace(now, reply)
	default:
		d.answered(now, reply)
	}
	return nil
}

var errRandom error = fault.New(fault.Internal, "osdp.random", "osdp line: random source")

// checkRandom refuses to work with a random source that fails or stands still.
func (b *Bus) checkRandom() error {
	if _, err := b.random(); err != nil {
		return err
	}
	_, err := b.random()
	return err
}

// random draws RND.A. The same one twice would bring old session keys back, so it ends Run.
func (b *Bus) random() (osdp.RND, error) {
	r, err := osdp.NewRND(b.cfg.Rand)
	if err != nil {
		return r, fmt.Errorf("%w: %w", errRandom, err)
	}
	if r == b.lastRND {
		return r, fmt.Errorf("%w: it repeats itself", errRandom)
	}
	b.lastRND = r
	return r, nil
}

func (b *Bus) lineLost() {
	now := time.Now()
	b.nextProbe = now
	for _, d := range b.devices {
		d.lineLost(now)
	}
}

func (b *Bus) stop() {
	for _, d := range b.devices {
		d.stop()
	}
}

func (b *Bus) checkOffline(now time.Time) {
	for _, d := range b.devices {
		d.checkOffline(now)
	}
}

// nextOffline is when checkOffline has something to tell, at the earliest.
func (b *Bus) nextOffline(now time.Time) time.Time {
	next := now.Add(b.cfg.Timing.Offline)
	for _, d := range b.devices {
		if at := d.heard.Add(b.cfg.Timing.Offline); !d.offline && at.Before(next) {
			next = at
		}
	}
	return next
}
