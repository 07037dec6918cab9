package uplink

import (
	"crypto/rand"
	"encoding/hex"
	"sync"
	"time"
)

// nonceCount is how many statuses back a lease may answer.
const nonceCount = 32

// nonces remembers when the nonces of the last statuses were made. A nonce lives in memory only: after a restart no old lease
// counts.
type nonces struct {
	mu   sync.Mutex
	last [nonceCount]nonce
	next int
}

type nonce struct {
	value string
	made  time.Duration
}

func newNonce() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// add makes a nonce at a moment.
func (n *nonces) add(now time.Duration) string {
	v := newNonce()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.last[n.next] = nonce{v, now}
	n.next = (n.next + 1) % nonceCount
	return v
}

// made finds the moment of a nonce that is remembered.
func (n *nonces) made(value string) (time.Duration, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, one := range n.last {
		if value != "" && one.value == value {
			return one.made, true
		}
	}
	return 0, false
}
