package sitekey

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"time"

	"kanmon/internal/fault"
	"kanmon/internal/pki"
)

// stage of a key that is replaced step by step.
type stage string

const (
	announced stage = "announced" // controllers may believe it; nothing is signed with it yet
	present   stage = "present"   // signs
	leaving   stage = "leaving"   // signs nothing more, and is still believed
	retired   stage = "retired"   // believed by no controller; its public part is kept for what it signed
)

// Act is a step of a replacement: who took it, and why.
type Act struct {
	At     time.Time `json:"at"`
	By     string    `json:"by"`
	Reason string    `json:"reason"`
}

func (a Act) check() error {
	if a.By == "" || a.Reason == "" || a.At.IsZero() {
		return fault.New(fault.Invalid, "sitekey.act", "a change of keys wants who, why and when")
	}
	return nil
}

// why is the reason that the register keeps; an act of nobody is the program's own.
func (a Act) why() string {
	if a.At.IsZero() {
		return byItself
	}
	return a.Reason + " (" + a.By + ")"
}

// commandKey is one of the site's command keys.
type commandKey struct {
	Seed     []byte            `json:"seed,omitempty"` // gone with the retirement
	Public   ed25519.PublicKey `json:"public"`
	Stage    stage             `json:"stage"`
	Act      Act               `json:"act"`                // that brought it to this stage
	Farewell *pki.Announcement `json:"farewell,omitempty"` // of a retired one: its word for what replaced it
}

func (k commandKey) signing() (pki.SigningKey, error) { return pki.ParseSigningKey(k.Seed) }

// ring is the command keys in the order of their making. One is present, one at most announced or leaving; the rest are retired.
type ring struct {
	Keys []commandKey `json:"keys"`
}

// parseRing reads what bytes gave, or the bare seed of a key that was never replaced.
func parseRing(b []byte) (ring, error) {
	if len(b) == ed25519.SeedSize {
		key, err := pki.ParseSigningKey(b)
		return ring{[]commandKey{{Seed: b, Public: key.Public(), Stage: present}}}, err
	}
	var r ring
	if err := json.Unmarshal(b, &r); err != nil {
		return ring{}, fault.New(fault.Invalid, "sitekey.ring", "what is kept as the command key is none")
	}
	if _, ok := r.at(present); !ok {
		return ring{}, fault.New(fault.Invalid, "sitekey.ring", "no command key is in use")
	}
	return r, r.check()
}

// check compares the public parts with the seeds.
func (r ring) check() error {
	for _, k := range r.Keys {
		if k.Stage == retired {
			continue
		}
		key, err := k.signing()
		if err != nil {
			return err
		}
		if !bytes.Equal(key.Public(), k.Public) {
			return fault.New(fault.Invalid, "sitekey.ring", "a command key and its public part do not belong together")
		}
	}
	return nil
}

func (r ring) bytes() ([]byte, error) {
	b, err := json.Marshal(r)
	return b, fault.Wrap(fault.Internal, err, "write the command keys")
}

// at finds the last key of a stage.
func (r ring) at(s stage) (commandKey, bool) {
	for i := len(r.Keys) - 1; i >= 0; i-- {
		if r.Keys[i].Stage == s {
			return r.Keys[i], true
		}
	}
	return commandKey{}, false
}

// moved is the ring with the keys of each stage in the next one, by an act.
func (r ring) moved(a Act, next map[stage]stage) ring {
	keys := make([]commandKey, len(r.Keys))
	for i, k := range r.Keys {
		if to, ok := next[k.Stage]; ok {
			k.Stage, k.Act = to, a
		}
		keys[i] = k
	}
	return ring{keys}
}

// announce adds a key that is to replace the present one.
func (r ring) announce(fresh pki.SigningKey, a Act) (ring, error) {
	for _, s := range []stage{announced, leaving} {
		if k, ok := r.at(s); ok {
			return r, fault.New(fault.Conflict, "sitekey.step", "the command key "+pki.KeyID(k.Public)+" is "+string(s)+": end that change first")
		}
	}
	next := r.moved(a, nil)
	next.Keys = append(next.Keys, commandKey{Seed: fresh.Seed(), Public: fresh.Public(), Stage: announced, Act: a})
	return next, nil
}

// use has the announced key sign, and the one before leave.
func (r ring) use(a Act) (ring, error) {
	if _, ok := r.at(announced); !ok {
		return r, fault.New(fault.Conflict, "sitekey.step", "no command key is announced")
	}
	return r.moved(a, map[stage]stage{announced: present, present: leaving}), nil
}

// retire ends the belief in the one before. Its last signature is for what replaced it, for controllers that were away; then its secret goes.
func (r ring) retire(site string, a Act) (ring, error) {
	if _, ok := r.at(leaving); !ok {
		return r, fault.New(fault.Conflict, "sitekey.step", "no command key is leaving")
	}
	next := r.moved(a, map[stage]stage{leaving: retired})
	for i, k := range r.Keys {
		if k.Stage != leaving {
			continue
		}
		key, err := k.signing()
		if err != nil {
			return r, err
		}
		word := pki.Announce(site, next.believed(), key)
		next.Keys[i].Farewell, next.Keys[i].Seed = &word, nil
	}
	return next, nil
}

// believed are the keys that controllers are to believe, oldest first.
func (r ring) believed() []ed25519.PublicKey {
	var keys []ed25519.PublicKey
	for _, k := range r.Keys {
		if k.Stage != retired {
			keys = append(keys, k.Public)
		}
	}
	return keys
}

// farewells bounds how many changes a controller may have missed before it has to enrol again.
const farewells = 8

// words lead whoever believes an older list to the present one: the farewells, then the word of the older of two keys.
func (r ring) words(site string) ([]pki.Announcement, error) {
	var words []pki.Announcement
	for _, k := range r.Keys {
		if k.Farewell != nil {
			words = append(words, *k.Farewell)
		}
	}
	words = words[max(0, len(words)-farewells):]
	keys := r.believed()
	if len(keys) < 2 {
		return words, nil
	}
	for _, k := range r.Keys {
		if k.Stage == retired {
			continue
		}
		older, err := k.signing()
		return append(words, pki.Announce(site, keys, older)), err
	}
	return words, nil
}

// all are the public parts of every key there ever was: the present one first, then the announced one, then those before, newest first.
func (r ring) all() []ed25519.PublicKey {
	keys := make([]ed25519.PublicKey, 0, len(r.Keys))
	for _, s := range []stage{present, announced, leaving, retired} {
		for i := len(r.Keys) - 1; i >= 0; i-- {
			if r.Keys[i].Stage == s {
				keys = append(keys, r.Keys[i].Public)
			}
		}
	}
	return keys
}
