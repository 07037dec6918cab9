package lifecycletest

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"testing"
	"time"

	"kanmon/lifecycle/device"
)

// DeviceKey is the key with which Found enrols a controller.
func DeviceKey(controller string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("device key of " + controller))
	return ed25519.NewKeyFromSeed(seed[:])
}

// Enroll enrols a controller that was added with the key DeviceKey gives.
func (c *City) Enroll(tb testing.TB, controller string) {
	tb.Helper()
	hash := TokenHash("token of " + controller)
	must(tb, c.Device.NewToken(tb.Context(), Manager, controller, hash, c.Clock.Now().Add(time.Hour)))
	public := DeviceKey(controller).Public().(ed25519.PublicKey) //nolint:forcetypeassert // it is
	must(tb, c.Device.Enroll(tb.Context(), device.Enrolment{
		Controller: controller, TokenHash: hash, Public: public, BoxKey: make([]byte, 32),
	}, c.Certificate("1")))
}

// Certificate is what an issuer would say it issued now, good for 180 days.
func (c *City) Certificate(serial string) func() (device.Certificate, error) {
	return func() (device.Certificate, error) {
		now := c.Clock.Now()
		return device.Certificate{Serial: serial, Fingerprint: "fp " + serial, Issued: now, Until: now.AddDate(0, 0, 180)}, nil
	}
}

// TokenHash is the hash of a token.
func TokenHash(token string) string {
	h := sha256.Sum256([]byte(token))
	return hex.EncodeToString(h[:])
}
