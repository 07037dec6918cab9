package revocation_test

import (
	"testing"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/lifecycletest"
)

// R75-3: the moment from which a door that is cut off refuses by itself is told by what the door has, not by today's settings.
func TestALeaseEndsByThePolicyThatTheDoorHas(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city, ids := found(t, d)
		v := revoke(t, city, ids["K-1"])
		seen := city.Clock.Now()
		has := access.Version{Epoch: 1, N: 2}
		for i, c := range []struct {
			name   string
			status device.Status
			want   time.Time
		}{
			{"nothing yet", device.Status{}, time.Time{}},
			{"a policy that was never confirmed", device.Status{Policy: has}, seen.Add(access.StaffLease)},
			{"one with another lease than the settings of today", device.Status{Policy: has, LeaseTime: 9 * time.Hour}, seen.Add(9 * time.Hour)},
			{"confirmed", device.Status{Policy: has, LeaseTime: 9 * time.Hour, LeasedAt: seen.Add(-time.Hour)}, seen.Add(8 * time.Hour)},
		} {
			c.status.Online, c.status.Start, c.status.N = true, 1, uint64(i)+1
			if _, err := city.Device.RecordStatus(t.Context(), "ctl-1", c.status, seen); err != nil {
				t.Fatal(err)
			}
			got, err := city.Revocations.Receipt(t.Context(), lifecycletest.Guard, v)
			if err != nil || !got.Doors[0].LeaseEnds.Equal(c.want) {
				t.Errorf("%s: ends %v, %v, want %v", c.name, got.Doors[0].LeaseEnds, err, c.want)
			}
		}
	})
}

// A door whose word came, and which by its newest status has something else in force, is not green.
func TestAConfirmationIsNotBelievedWhileAnotherSetIsInForce(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city, ids := found(t, d)
		revoke(t, city, ids["K-2"])
		v := revoke(t, city, ids["K-1"])
		confirm(t, city, 0, says(city, "ctl-1", v))
		for i, c := range []struct {
			name string
			upto access.Version
			hash string
			sure bool
		}{
			{"never heard", access.Version{}, "", true},
			{"the same set", v, hash(t, city), true},
			{"another set", v, "ab", false},
			{"behind, so another set", access.Version{Epoch: 1, N: 1}, "ab", true},
			{"the same again", v, hash(t, city), true},
		} {
			if c.hash != "" {
				s := device.Status{Online: true, Start: 1, N: uint64(i) + 1, Revoked: c.upto, RevokedHash: c.hash}
				if _, err := city.Device.RecordStatus(t.Context(), "ctl-1", s, city.Clock.Now()); err != nil {
					t.Fatal(err)
				}
			}
			got, err := city.Revocations.Receipt(t.Context(), lifecycletest.Guard, v)
			if err != nil || !got.Doors[0].Confirmed || got.Doors[0].Sure() != c.sure {
				t.Errorf("%s: %+v, %v, want sure %v", c.name, got.Doors[0], err, c.sure)
			}
		}
	})
}
