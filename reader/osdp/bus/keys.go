package bus

import (
	"fmt"
	"time"

	"kanmon/reader/osdp"
	"kanmon/reader/osdp/bus/internal/keying"
)

// shares reports a key that two devices have in common; a key that is to come counts too.
func (d Device) shares(o Device) bool {
	return osdp.SharedKey([]osdp.Key{d.Key, d.Pending}, []osdp.Key{o.Key, o.Pending})
}

func (t Timing) keyLimits() keying.Limits { return keying.Limits{Offers: t.KeyOffers, Wait: t.KeyWait} }

func (d *device) challenge() error {
	r, err := d.bus.random()
	if err != nil {
		return err
	}
	if d.handshake, err = osdp.NewControllerHandshake(d.keys.Key(), r); err != nil {
		return err
	}
	return d.sendClear(0, d.handshake.Challenge())
}

// newKey is the command that gives the device its pending key. From here on the device may have it, whatever it answers.
func (d *device) newKey(now time.Time) osdp.Frame {
	d.bus.cfg.Log.Info("osdp device is given its new key", "device", d.Name)
	d.keys.Offered(now)
	return osdp.Frame{Code: osdp.CmdKeySet, Data: osdp.KeySet{Key: d.Pending}.Append(nil)}
}

// keyAnswered takes an authentic answer to KEYSET, or a clear ACK. A refusal is believed. Anything else ends the session and proves nothing: the
// handshake that follows does.
func (d *device) keyAnswered(now time.Time, reply osdp.Frame) {
	switch reply.Code {
	case osdp.ReplyNak:
		d.keyRefused(now, fmt.Sprintf("refused the new key with code %d", nakCode(reply)))
	case osdp.ReplyBusy:
		d.keyRefused(now, "too busy for the new key")
	default:
		d.keys.Acknowledged()
		d.replaceSession(now)
	}
}

func (d *device) keyRefused(now time.Time, detail string) {
	d.keys.Refused()
	if d.keys.Spent() {
		detail += "; it is not given again before the next start"
	}
	d.alarm(now, KeyRefused, detail)
}

// keyed takes what a completed handshake says about the change of keys.
func (d *device) keyed(now time.Time) {
	switch d.keys.Completed() {
	case keying.Proven:
		d.bus.cfg.Log.Info("osdp device holds its new key", "device", d.Name)
		d.bus.cfg.Emit(KeyProven{Device: d.Name, At: now})
	case keying.Kept:
		d.keyRefused(now, "goes on under its old key although it was given the new one")
	case keying.Nothing:
	}
}

// replaceSession goes straight to a new handshake, without any interruption that a person notices.
func (d *device) replaceSession(now time.Time) {
	d.dropSession()
	d.rekey, d.phase, d.due = true, challenging, now
}
