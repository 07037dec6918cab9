package centre

import (
	"context"
	"log/slog"

	"kanmon/internal/mqtt"
	"kanmon/internal/wire"
)

// sendAcks publishes acknowledgements as they come.
func (c *Centre) sendAcks(ctx context.Context) error { return send(ctx, c, wire.Ack, c.acks) }

// sendLeases answers statuses.
func (c *Centre) sendLeases(ctx context.Context) error { return send(ctx, c, wire.Lease, c.leases) }

// send signs and publishes what waits for each controller. What fails is not kept: the controller sends its batch again, or another
// status, and is answered then.
func send[T any](ctx context.Context, c *Centre, kind wire.Kind, from *outbox[T]) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-from.wake:
		}
		for controller, body := range from.take() {
			if err := c.seal(ctx, wire.Address{Site: c.cfg.Site, Controller: controller, Kind: kind}, body); err != nil && ctx.Err() == nil {
				c.cfg.Log.WarnContext(ctx, "answer not sent", slog.String("controller", controller), slog.String("kind", string(kind)), slog.Any("error", err))
			}
		}
	}
}

func (c *Centre) seal(ctx context.Context, at wire.Address, body any) error {
	payload, err := wire.Seal(at, body, c.cfg.Signer)
	if err != nil {
		return err
	}
	return c.publish(ctx, at.Topic(), payload)
}

func (c *Centre) publish(ctx context.Context, topic string, payload []byte) error {
	ctx, cancel := context.WithTimeout(ctx, sendWithin)
	defer cancel()
	return c.cfg.Link.Publish(ctx, mqtt.Message{Topic: topic, Payload: payload})
}
