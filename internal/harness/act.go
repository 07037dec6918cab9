package harness

import (
	"fmt"
	"net/http"
	"net/url"
	"time"

	"kanmon/internal/access"
)

// Receipt is what the tests look at in the receipt of a revocation.
type Receipt struct {
	Version     access.Version      `json:"version"`
	State       string              `json:"state"`
	At          time.Time           `json:"at"`
	Confirmed   int                 `json:"confirmed"`
	Targets     int                 `json:"targets"`
	Controllers []ReceiptController `json:"controllers"`
	Uses        []Event             `json:"uses"`
}

// ReceiptController is one controller's line of a receipt.
type ReceiptController struct {
	Controller  string     `json:"controller"`
	Online      bool       `json:"online"`
	Confirmed   bool       `json:"confirmed"`
	PublishedMS *float64   `json:"published_ms"`
	AppliedMS   *float64   `json:"applied_ms"`
	ReceivedMS  *float64   `json:"received_ms"`
	LeaseEnds   *time.Time `json:"lease_ends"`
}

// Card is the id of the card whose holder's name begins so ("佐藤").
func (s *System) Card(holder string) string {
	s.t.Helper()
	var out struct {
		Items []struct{ ID, State string }
	}
	s.get("cards?query="+url.QueryEscape(holder), &out)
	if len(out.Items) != 1 {
		s.t.Fatalf("%s has %d cards", holder, len(out.Items))
	}
	return out.Items[0].ID
}

func (s *System) get(path string, out any) {
	s.t.Helper()
	if err := s.Client().Call(s.t.Context(), http.MethodGet, path, nil, out); err != nil {
		s.t.Fatal(err)
	}
}

// Turn revokes, suspends or lifts ("revoke", "suspend", "lift") the card of a holder.
func (s *System) Turn(what, holder string) access.Version {
	s.t.Helper()
	return s.TurnCard(what, s.Card(holder))
}

// TurnCard is Turn for a card whose id is known.
func (s *System) TurnCard(what, card string) access.Version {
	s.t.Helper()
	var out struct{ Revocation access.Version }
	err := s.Client().Call(s.t.Context(), http.MethodPost, "cards/"+card+"/"+what, map[string]string{"reason": "紛失の届出"}, &out)
	if err != nil {
		s.t.Fatal(err)
	}
	return out.Revocation
}

// Receipt of a revocation as it stands.
func (s *System) Receipt(v access.Version) (r Receipt) {
	s.t.Helper()
	s.get(fmt.Sprintf("revocations/%d/%d", v.Epoch, v.N), &r)
	return r
}

// AwaitConfirmed waits until every controller has confirmed a revocation.
func (s *System) AwaitConfirmed(v access.Version) (r Receipt) {
	s.t.Helper()
	s.await(fmt.Sprintf("confirmation of revocation %d.%d", v.Epoch, v.N), func() bool {
		r = s.Receipt(v)
		return r.Targets > 0 && r.Confirmed == r.Targets
	})
	return r
}

// Released is the centre's answer to an order to release a door.
type Released struct {
	Done    bool   `json:"done"`
	Refused string `json:"refused"`
	Command string `json:"command"`
}

// Release orders, as the administrator, a door to be released from afar. The error is the centre's refusal.
func (s *System) Release(door string) (r Released, err error) {
	s.t.Helper()
	err = s.Client().Call(s.t.Context(), http.MethodPost, "doors/"+door+"/release", map[string]string{
		"password": s.City.Users[0].Password, "reason": "試験",
	}, &r)
	return r, err
}
