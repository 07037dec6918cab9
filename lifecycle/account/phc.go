package account

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

var errPHC = errors.New("not an argon2id hash of ours")

// parsePHC reads $argon2id$v=19$m=…,t=…,p=…$salt$tag (the PHC string format), strictly: one spelling only.
func parsePHC(s string) (c Cost, salt, tag []byte, err error) {
	part := strings.Split(s, "$")
	if len(part) != 6 || part[0] != "" || part[1] != "argon2id" || part[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return Cost{}, nil, nil, errPHC
	}
	if _, err := fmt.Sscanf(part[3], "m=%d,t=%d,p=%d", &c.MemoryKiB, &c.Passes, &c.Lanes); err != nil {
		return Cost{}, nil, nil, errPHC
	}
	if part[3] != fmt.Sprintf("m=%d,t=%d,p=%d", c.MemoryKiB, c.Passes, c.Lanes) || !c.sane() {
		return Cost{}, nil, nil, errPHC
	}
	b64 := base64.RawStdEncoding.Strict()
	salt, errSalt := b64.DecodeString(part[4])
	tag, errTag := b64.DecodeString(part[5])
	if errSalt != nil || errTag != nil || len(salt) != saltLen || len(tag) != tagLen {
		return Cost{}, nil, nil, errPHC
	}
	return c, salt, tag, nil
}

func (c Cost) sane() bool {
	return c.Passes >= 1 && c.Passes <= maxCost.Passes && c.Lanes >= 1 && c.Lanes <= maxCost.Lanes &&
		c.MemoryKiB >= 8*uint32(c.Lanes) && c.MemoryKiB <= maxCost.MemoryKiB
}
