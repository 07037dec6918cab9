package door

import "time"

// Settle is how long a lock at rest may say that it is unlocked before that is reported: a bolt needs its time.
const Settle = 2 * time.Second

// Lock is what a lock says about itself.
type Lock uint8

// Lock states. The zero value is LockUnknown.
const (
	LockUnknown Lock = iota // no such input, no report since the start, or its device is gone
	LockLocked
	LockUnlocked
	LockFault // a supervised line is cut or shorted
)

// bolt watches a lock's word against what it should be.
type bolt struct {
	lock  Lock
	waits bool          // unlocked where it should be locked, reported at
	at    time.Duration // this moment
	told  bool          // reported, and not locked since
}

// watch takes what the lock should be from a moment on: locked, when the door is.
func (b bolt) watch(locked bool, now time.Duration) bolt {
	wrong := locked && b.lock == LockUnlocked && !b.told
	if wrong && !b.waits {
		b.at = now + Settle
	}
	b.waits = wrong
	return b
}

// hear takes the lock's word. Nothing but the word "locked" ends what was reported.
func (b bolt) hear(l Lock, out []Effect) (bolt, []Effect) {
	b.lock = l
	if l == LockLocked && b.told {
		b.told = false
		out = append(out, Report{LockSecured})
	}
	return b, out
}

// report says that the lock is not what it should be.
func (b bolt) report(out []Effect) (bolt, []Effect) {
	b.waits, b.told = false, true
	return b, append(out, Report{LockUnsecured})
}
