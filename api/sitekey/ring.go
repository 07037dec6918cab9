package sitekey

import (
	"encoding/json"
	"slices"
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

// Check refuses an act without who, why or when.
func (a Act) Check() error {
	if a.By == "" || a.Reason == "" || a.At.IsZero() {
		return fault.New(fault.Invalid, "sitekey.act", "a change of keys wants who, why and when")
	}
	return nil
}

// Why is the reason that the register keeps; an act of nobody is the program's own.
func (a Act) Why() string {
	if a.At.IsZero() {
		return byItself
	}
	return a.Reason + " (" + a.By + ")"
}

// member is one of the site's keys of a kind.
type member struct {
	Secret   []byte            `json:"seed,omitempty"` // gone with the retirement
	Public   []byte            `json:"public"`
	Stage    stage             `json:"stage"`
	Act      Act               `json:"act"`                // that brought it to this stage
	Farewell *pki.Announcement `json:"farewell,omitempty"` // of a retired one: its word for what is left
	Dropped  bool              `json:"dropped,omitempty"`  // it was announced and never used
}

// kind is what the keys of a ring are.
type kind struct {
	name     string // for people
	id       func(public []byte) string
	check    func(member) error // secret and public part belong together
	announce func(by member, site string, list [][]byte) (pki.Announcement, error)
}

// ring is the keys of a kind in the order of their making. One is present, one at most announced or leaving; the rest are retired.
type ring struct {
	kind
	Keys []member `json:"keys"`
}

// readRing reads what bytes gave.
func readRing(k kind, b []byte) (ring, error) {
	r := ring{kind: k}
	if err := json.Unmarshal(b, &r); err != nil {
		return ring{}, fault.New(fault.Invalid, "sitekey.ring", "what is kept as the "+k.name+" is none")
	}
	if _, ok := r.at(present); !ok {
		return ring{}, fault.New(fault.Invalid, "sitekey.ring", "no "+k.name+" is in use")
	}
	for _, m := range r.Keys {
		if m.Stage == retired {
			continue
		}
		if err := k.check(m); err != nil {
			return ring{}, err
		}
	}
	return r, nil
}

// newRing has one key, which was never replaced.
func newRing(k kind, secret, public []byte) ring {
	return ring{k, []member{{Secret: secret, Public: public, Stage: present}}}
}

func (r ring) bytes() ([]byte, error) {
	b, err := json.Marshal(r)
	return b, fault.Wrap(fault.Internal, err, "write the keys")
}

// at finds the last key of a stage.
func (r ring) at(s stage) (member, bool) {
	for i := len(r.Keys) - 1; i >= 0; i-- {
		if r.Keys[i].Stage == s {
			return r.Keys[i], true
		}
	}
	return member{}, false
}

// left are the last key that was retired after it had served, false when there is none, and the last one that was dropped before it did.
func (r ring) left() (served, dropped member, ok bool) {
	for _, m := range r.Keys {
		switch {
		case m.Dropped:
			dropped = m
		case m.Stage == retired:
			served, ok = m, true
		}
	}
	return served, dropped, ok
}

// idAt is the id of the key of a stage; false when there is none.
func (r ring) idAt(s stage) (string, bool) {
	m, ok := r.at(s)
	if !ok {
		return "", false
	}
	return r.id(m.Public), true
}

// moved is the ring with the keys of each stage in the next one, by an act.
func (r ring) moved(a Act, next map[stage]stage) ring {
	keys := make([]member, len(r.Keys))
	for i, k := range r.Keys {
		if to, ok := next[k.Stage]; ok {
			k.Stage, k.Act = to, a
		}
		keys[i] = k
	}
	return ring{r.kind, keys}
}

// announce adds a key that is to replace the present one.
func (r ring) announce(secret, public []byte, a Act) (ring, error) {
	for _, s := range []stage{announced, leaving} {
		if id, ok := r.idAt(s); ok {
			return r, fault.New(fault.Conflict, "sitekey.step", "the "+r.name+" "+id+" is "+string(s)+": end that change first")
		}
	}
	next := r.moved(a, nil)
	next.Keys = append(next.Keys, member{Secret: secret, Public: public, Stage: announced, Act: a})
	return next, nil
}

// use has the announced key sign, and the one before leave.
func (r ring) use(a Act) (ring, error) {
	if _, ok := r.at(announced); !ok {
		return r, fault.New(fault.Conflict, "sitekey.step", "no "+r.name+" is announced")
	}
	return r.moved(a, map[stage]stage{announced: present, present: leaving}), nil
}

// retire ends the belief in the one before.
func (r ring) retire(site string, a Act) (ring, error) {
	if _, ok := r.at(leaving); !ok {
		return r, fault.New(fault.Conflict, "sitekey.step", "no "+r.name+" is leaving")
	}
	return r.end(leaving, site, a)
}

// drop ends the belief in one that was announced and never used.
func (r ring) drop(site string, a Act) (ring, error) {
	if _, ok := r.at(announced); !ok {
		return r, fault.New(fault.Conflict, "sitekey.step", "no "+r.name+" is announced")
	}
	next, err := r.end(announced, site, a)
	if err != nil {
		return r, err
	}
	last := len(next.Keys) - 1
	dropped := next.Keys[last]
	dropped.Dropped = true
	next.Keys = append(next.Keys[:last-1:last-1], dropped, next.Keys[last-1]) // farewells are heard in this order, and the present one's is later
	return next, nil
}

// end retires the key of a stage. Its last signature is for those that are left, for controllers that were away; then its secret goes.
func (r ring) end(s stage, site string, a Act) (ring, error) {
	next := r.moved(a, map[stage]stage{s: retired})
	for i, k := range r.Keys {
		if k.Stage != s {
			continue
		}
		word, err := r.kind.announce(k, site, next.believed())
		if err != nil {
			return r, err
		}
		next.Keys[i].Farewell, next.Keys[i].Secret = &word, nil
	}
	return next, nil
}

// Announced is Rotation.Announced.
func (r ring) Announced() (string, bool) { return r.idAt(announced) }

// Leaving is Rotation.Leaving.
func (r ring) Leaving() (string, bool) { return r.idAt(leaving) }

// Since is Rotation.Since.
func (r ring) Since() time.Time {
	for _, s := range []stage{announced, leaving} {
		if m, ok := r.at(s); ok {
			return m.Act.At
		}
	}
	return time.Time{}
}

// idsOf are the ids of public parts.
func (r ring) idsOf(list [][]byte) []string {
	ids := make([]string, len(list))
	for i, public := range list {
		ids[i] = r.id(public)
	}
	return ids
}

// believed are the public parts of the keys that controllers are to believe, oldest first.
func (r ring) believed() [][]byte {
	var keys [][]byte
	for _, k := range r.Keys {
		if k.Stage != retired {
			keys = append(keys, k.Public)
		}
	}
	return keys
}

// farewells bounds how many changes a controller may have missed before it has to enrol again.
const farewells = 8

// lastLeft are the last of the retired keys that served, as many as farewells are kept, with those among them that were taken back.
func (r ring) lastLeft() []member {
	var left []member
	served := 0
	for i := len(r.Keys) - 1; i >= 0 && served < farewells; i-- {
		k := r.Keys[i]
		if k.Farewell == nil {
			continue
		}
		left = append(left, k)
		if !k.Dropped {
			served++
		}
	}
	slices.Reverse(left)
	return left
}

// words lead whoever believes an older list to the present one: the farewells, then the word of the older of two keys.
func (r ring) words(site string) ([]pki.Announcement, error) {
	var words []pki.Announcement
	for _, k := range r.lastLeft() {
		words = append(words, *k.Farewell)
	}
	keys := r.believed()
	if len(keys) < 2 {
		return words, nil
	}
	for _, k := range r.Keys {
		if k.Stage == retired {
			continue
		}
		word, err := r.kind.announce(k, site, keys)
		return append(words, word), err
	}
	return words, nil
}

// all are the public parts of every key there ever was: the present one first, then the announced one, then those before, newest first.
func (r ring) all() [][]byte {
	keys := make([][]byte, 0, len(r.Keys))
	for _, s := range []stage{present, announced, leaving, retired} {
		for i := len(r.Keys) - 1; i >= 0; i-- {
			if r.Keys[i].Stage == s {
				keys = append(keys, r.Keys[i].Public)
			}
		}
	}
	return keys
}
