package core

import (
	"slices"
	"testing"

	"kanmon/internal/access"
	"kanmon/internal/event"
)

// rehashed is the card of keyAlways at a door whose keys give it a newer form.
func rehashed(reader string) Presented {
	return Presented{Reader: reader, Key: access.Key{0xAA}, Older: []access.Key{keyAlways}}
}

func struck(effects []Effect) bool {
	return slices.ContainsFunc(effects, func(e Effect) bool { _, strike := e.(Strike); return strike })
}

// R47-1: a card opens by a policy that has it in an older form, and each presentation counts once.
func TestACardOpensByAPolicyInAnOlderForm(t *testing.T) {
	d := newDesk(t, sitePolicy(t, 1))
	d.step(rehashed("IN-1"))
	d.step(rehashed("IN-1"))
	d.answer(nil)
	if !struck(d.did()) || d.state.Counts().Repeats != 1 {
		t.Errorf("%d repeats", d.state.Counts().Repeats)
	}
}

// R76-2: whichever form the revocation has that comes while the disk is waited for, the card stays outside: also one that the door cannot make.
func TestACardRevokedInAnyFormWhileItsRecordIsWrittenStaysOutside(t *testing.T) {
	for _, key := range []access.Key{keyAlways, {0xAA}, {0xBB}} {
		d := newDesk(t, sitePolicy(t, 1))
		d.step(rehashed("IN-1"))
		d.step(run(0, ver(1, 1), withdraw(1, 1, key, "C-1", access.Revoked)))
		d.did()
		d.answer(nil)
		if struck(d.did()) {
			t.Errorf("revoked as %v and let in", key)
		}
	}
}

func TestAnUnknownCardIsNamedByItsNewestForm(t *testing.T) {
	d := newDesk(t, sitePolicy(t, 1))
	d.onDisk = nil
	d.step(Presented{Reader: "IN-1", Key: access.Key{0xBB}, Older: []access.Key{keyUnknown}})
	d.answer(nil)
	if len(d.onDisk) != 1 || d.onDisk[0].Kind != event.AccessDenied || d.onDisk[0].Credential != (access.Key{0xBB}).Fingerprint() {
		t.Errorf("%+v", d.onDisk)
	}
}
