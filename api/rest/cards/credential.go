package cards

import (
	"context"
	"time"

	"kanmon/api/auth"
	"kanmon/api/rest/view"
	"kanmon/internal/access"
	"kanmon/lifecycle/card"
	"kanmon/lifecycle/card/number"
	"kanmon/reader/credential"
)

// Number is a credential as it is entered.
type Number struct {
	Credential string `json:"credential" maxLength:"256" writeOnly:"true" doc:"format:bits:hex, as the reader sends it, with one of the formats bits, uid, idm, felica, text and verdict. It is hashed at once and never kept, logged or answered" example:"bits:26:bdd93740"`
	Apart      bool   `json:"different_card,omitempty" doc:"The same number in another order of its bytes is known (card.credential_reversed), and it is another card all the same: somebody has both in hand"`
}

// Credential is one of a card, without its number.
type Credential struct {
	ID         string     `json:"id" doc:"Empty: the card's own, which ends with it"`
	Format     string     `json:"format" enum:"bits,uid,idm,felica,text,verdict"`
	Trust      string     `json:"trust" enum:"number,memory,mutual" doc:"The most that a read of the format can prove; what the reader's profile says counts besides"`
	EnrolledAt *time.Time `json:"enrolled_at,omitempty"`
	EndedAt    *time.Time `json:"ended_at,omitempty" doc:"Left out: it counts as long as the card does"`
}

func newCredential(c card.Credential) Credential {
	return Credential{ID: c.ID, Format: c.Format, Trust: string(c.Trust), EnrolledAt: view.Moment(c.EnrolledAt), EndedAt: view.Moment(c.EndedAt)}
}

type (
	credentialsOut struct {
		Body struct {
			Items []Credential `json:"items" nullable:"false"`
		}
	}
	credentialOut struct{ Body Credential }
	credentialIn  struct {
		ID   string `path:"id" maxLength:"64"`
		Body struct {
			Number
			Reason string `json:"reason,omitempty" maxLength:"200" doc:"It goes into the history"`
		}
	}
	credentialEnd struct {
		ID         string `path:"id" maxLength:"64"`
		Credential string `path:"credential" maxLength:"64"`
		Body       struct {
			Reason string `json:"reason" minLength:"1" maxLength:"200" doc:"Why; it goes into the history"`
		}
	}
	endedOut struct {
		Body struct {
			Revocation access.Version `json:"revocation" doc:"The entry that goes to the doors; its receipt is at /revocations/{epoch}/{n}"`
		}
	}
)

func (cfg Config) credentials(ctx context.Context, who auth.Principal, in *cardID) (*credentialsOut, error) {
	all, err := cfg.Cards.Credentials(ctx, who.Actor(), in.ID)
	out := &credentialsOut{}
	out.Body.Items = view.List(all, newCredential)
	return out, err
}

func (cfg Config) enrol(ctx context.Context, who auth.Principal, in *credentialIn) (*credentialOut, error) {
	shown, err := credential.Parse(in.Body.Credential)
	if err != nil {
		return nil, err
	}
	held, err := cfg.Cards.Get(ctx, who.Actor(), in.ID)
	if err != nil {
		return nil, err
	}
	read := number.Read(shown.At(held.Terminal), cfg.HashKey)
	read.Apart = in.Body.Apart
	made, err := cfg.Cards.Enrol(ctx, who.Actor(), in.ID, in.Body.Reason, read)
	return &credentialOut{newCredential(made)}, err
}

func (cfg Config) end(ctx context.Context, who auth.Principal, in *credentialEnd) (*endedOut, error) {
	v, err := cfg.Cards.End(ctx, who.Actor(), in.ID, in.Credential, in.Body.Reason)
	out := &endedOut{}
	out.Body.Revocation = v
	return out, err
}
