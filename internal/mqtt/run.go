package mqtt

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"kanmon/internal/fault"
)

// Run keeps the client connected until ctx ends, then says good-bye to the broker and returns nil. It can be
// called once; nothing of the client is left running when it returns.
func (c *Client) Run(ctx context.Context) error {
	c.mu.Lock()
	again := c.started
	c.started = true
	c.mu.Unlock()
	if again {
		return fault.New(fault.Conflict, "mqtt.running", "mqtt client started twice")
	}
	var worker sync.WaitGroup
	worker.Go(func() { c.work(ctx) })
	c.keepConnected(ctx)
	worker.Wait()
	return nil
}

// steady is how long a connection must last for the next pause to be short again.
const steady = 10 * time.Second

func (c *Client) keepConnected(ctx context.Context) {
	pause := backoff{least: c.config.RetryMin, most: c.config.RetryMax}
	for ctx.Err() == nil {
		began := time.Now()
		err := c.connection(ctx)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) >= steady {
			pause.reset()
		}
		wait := pause.next(rand.Float64()) //nolint:gosec // jitter needs no secrecy
		c.log.WarnContext(ctx, "no connection to the broker", slog.Any("error", err), slog.Duration("retry_in", wait))
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}

// connection makes one connection and stays until it is lost or ctx ends.
func (c *Client) connection(ctx context.Context) error {
	s, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.subscribe(ctx, c.filters()); err != nil {
		return err
	}
	c.current.Store(s)
	defer c.current.Store(nil)
	c.connected.Add(1)
	c.log.InfoContext(ctx, "connected to the broker")
	for _, fn := range c.onConnect {
		fn()
	}
	select {
	case <-s.done:
		return s.err
	case <-ctx.Done():
		s.farewell(ctx, c.config.Will)
		return nil
	}
}

// take is called on the library's goroutine and must not wait.
func (c *Client) take(m Message) {
	select {
	case c.queue <- m:
		c.received.Add(1)
	default:
		if n := c.dropped.Add(1); n&(n-1) == 0 { // at 1, 2, 4, 8 …: seen early, never a flood
			c.log.Warn("message dropped, its handlers are too slow", slog.String("topic", m.Topic), slog.Uint64("dropped", n))
		}
	}
}

func (c *Client) work(ctx context.Context) {
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case m := <-c.queue:
			for _, r := range c.routes {
				if match(r.filter, m.Topic) {
					r.handle(ctx, m)
				}
			}
		}
	}
}

// backoff doubles from least to most; each pause is between half of that and the whole, so that a thousand
// controllers do not come back in the same instant.
type backoff struct{ least, most, now time.Duration }

func (b *backoff) reset() { b.now = 0 }

// next takes a random number from [0, 1).
func (b *backoff) next(random float64) time.Duration {
	b.now = min(max(2*b.now, b.least), b.most)
	return b.now/2 + time.Duration(random*float64(b.now/2))
}
