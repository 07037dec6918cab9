package device

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"time"

	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/period"
)

// Certificate is what the register keeps of one that was issued.
type Certificate struct {
	Serial      string
	Fingerprint string
	Issued      time.Time
	Until       time.Time
	DER         []byte // the whole, to be given again; empty when it is not known
}

// Held returns the certificate that was last issued for the key that a controller has. Errors as of Renewed.
func (r *Register) Held(ctx context.Context, name string, public ed25519.PublicKey) (Certificate, error) {
	var c Certificate
	err := r.store.Read(ctx, func(q store.Queryer) error {
		present, err := identityOf(ctx, q, name)
		if err == nil {
			err = present.is(name, public)
		}
		if err != nil {
			return err
		}
		c, err = present.certificate(ctx, q, name)
		return err
	})
	if err != nil {
		return Certificate{}, fmt.Errorf("certificate of %.40q: %w", name, err)
	}
	return c, nil
}

func (i identity) certificate(ctx context.Context, q store.Queryer, name string) (c Certificate, err error) {
	c = Certificate{Serial: i.Serial, Fingerprint: i.Fingerprint}
	if c.Issued, err = period.Time(i.IssuedAt); err != nil {
		return c, err
	}
	if c.Until, err = period.Time(i.NotAfter); err != nil {
		return c, err
	}
	err = q.Get(ctx, &c.DER, `SELECT der FROM controller_certificate WHERE controller = ? AND serial = ?`, name, i.Serial)
	if fault.KindOf(err) == fault.NotFound {
		err = nil
	}
	return c, err
}

// hold keeps the whole certificate, in the transaction that records it.
func (c Certificate) hold(ctx context.Context, tx *store.Tx, name string) error {
	_, err := tx.Exec(ctx, `INSERT INTO controller_certificate (controller, serial, der) VALUES (?, ?, ?)
		ON CONFLICT (controller) DO UPDATE SET serial = excluded.serial, der = excluded.der`, name, c.Serial, append([]byte{}, c.DER...))
	return err
}
