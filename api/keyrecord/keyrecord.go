// Package keyrecord has the register of keys say which key of the site serves which purpose, and notices by it when a sealed file was lost, or put
// back from an older copy.
package keyrecord

import (
	"context"
	"slices"
	"strings"

	"kanmon/api/sitekey"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/key"
)

// Record enters the public parts of the keys into the register, as far as they are not there. Console says that the server's certificate is
// the console's too. fault.Conflict "sitekey.lost" names the keys of which the register has another one than the sealed file, and the file does not
// know it, or knows it no longer as retired: the file was lost and made anew, or put back from a copy. Nothing is entered then; what is to be done
// is said in docs/kanmon-api.md.
func Record(ctx context.Context, register *key.Register, keys *sitekey.Keys, console bool) error {
	entries, lost, err := compare(ctx, register, keys)
	if err == nil && len(lost) > 0 {
		names := strings.Join(lost, ", ")
		err = missed("鍵のファイルが登録簿と違います("+names+")。失われたか、古い控えから戻されています。いちばん新しい keys の控えを戻してください。",
			"the keys "+names+" are not those in the register, nor any that came after them: their files were lost, or put back from an older copy. "+
				"Put the newest copy back; see docs/kanmon-api.md")
	}
	if err != nil {
		return err
	}
	return enter(ctx, register, keys, entries, console)
}

// Accept is Record for keys that were lost and are not coming back: those that serve now are entered in their place, by an act. Each has to be named,
// and no other is accepted; the checkpoint key is not: the ledger stands on it.
func Accept(ctx context.Context, register *key.Register, keys *sitekey.Keys, console bool, names []string, a sitekey.Act) error {
	if err := a.Check(); err != nil {
		return err
	}
	entries, lost, err := compare(ctx, register, keys)
	if err != nil {
		return err
	}
	slices.Sort(names)
	if sorted := slices.Sorted(slices.Values(lost)); !slices.Equal(sorted, slices.Compact(names)) {
		names := strings.Join(lost, ", ")
		return missed("失われた鍵は "+names+" です。控えがないときは、これらをすべて -keys に書いてください。",
			"the keys that were lost are "+names+": name these, if there is no copy of them")
	}
	if slices.Contains(lost, key.Checkpoint) {
		return missed("台帳の鍵(checkpoint)が失われています。この鍵がないと、同じ台帳を続けられません。",
			"the checkpoint key was lost, and the ledger cannot go on without it")
	}
	for i := range entries {
		entries[i].accept(a)
	}
	return enter(ctx, register, keys, entries, console)
}

// missed says it in both languages: at a terminal there is no catalogue.
func missed(ja, en string) error {
	return fault.New(fault.Conflict, "sitekey.lost", ja+" / "+en+" (sitekey.lost)")
}

// entry with what the register has in its place.
type entry struct {
	sitekey.Entry
	there string // fingerprint; empty: nothing yet
	lost  bool
}

func compare(ctx context.Context, register *key.Register, keys *sitekey.Keys) (entries []entry, lost []string, err error) {
	list, err := keys.Entries()
	if err != nil {
		return nil, nil, err
	}
	for _, e := range list {
		there, active, err := register.Present(ctx, e.Purpose)
		if err != nil {
			return nil, nil, err
		}
		unknown := there != "" && (active || !e.Optional) && e.Known != nil && !slices.Contains(e.Known, there)
		revived := there != "" && there == e.Fingerprint && !active && e.State == key.Active
		entries = append(entries, entry{e, there, unknown || revived})
		if unknown || revived {
			lost = append(lost, e.Purpose)
		}
	}
	return entries, lost, nil
}

// accept has the key that serves now stand in the place of a lost one.
func (e *entry) accept(a sitekey.Act) {
	if !e.lost {
		return
	}
	e.Why = a.Why()
	if e.Fingerprint == "" {
		e.Fingerprint, e.State = e.there, key.Retired
	}
}

const renewed = "made or renewed by the centre"

func enter(ctx context.Context, register *key.Register, keys *sitekey.Keys, entries []entry, console bool) error {
	if console {
		entries = append(entries, entry{Entry: sitekey.Entry{Key: keys.Console(), Why: renewed}})
	}
	for _, e := range entries {
		if e.Fingerprint == "" {
			continue
		}
		if _, err := register.Record(ctx, store.System("keys"), e.Key, e.Why); err != nil {
			return err
		}
	}
	return nil
}
