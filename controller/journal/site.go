package journal

import (
	"context"

	"kanmon/controller/site"
	"kanmon/internal/db"
)

// saveSite keeps what changed of where people are and of wrong PINs.
func saveSite(ctx context.Context, tx *db.Tx, k *site.Kept) error {
	if k == nil {
		return nil
	}
	if k.Whole {
		for _, all := range []string{`DELETE FROM journal_place`, `DELETE FROM journal_tries`} {
			if _, err := tx.Exec(ctx, all); err != nil {
				return err
			}
		}
	}
	for _, p := range k.Places {
		if err := savePlace(ctx, tx, p); err != nil {
			return err
		}
	}
	for _, t := range k.Tries {
		if err := saveTries(ctx, tx, t); err != nil {
			return err
		}
	}
	return nil
}

func savePlace(ctx context.Context, tx *db.Tx, p site.KeptPlace) error {
	if p.Gone {
		_, err := tx.Exec(ctx, `DELETE FROM journal_place WHERE area = ? AND person = ?`, p.Area, p.Person)
		return err
	}
	_, err := tx.Exec(ctx, `INSERT INTO journal_place (area, person, state, at, visitor, escort) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (area, person) DO UPDATE SET state = excluded.state, at = excluded.at, visitor = excluded.visitor, escort = excluded.escort`,
		p.Area, p.Person, int(p.State), formatTime(p.At), p.Visitor, p.Escort)
	return err
}

func saveTries(ctx context.Context, tx *db.Tx, t site.Tries) error {
	if t.N == 0 {
		_, err := tx.Exec(ctx, `DELETE FROM journal_tries WHERE subject = ?`, t.Subject)
		return err
	}
	_, err := tx.Exec(ctx, `INSERT INTO journal_tries (subject, n) VALUES (?, ?) ON CONFLICT (subject) DO UPDATE SET n = excluded.n`, t.Subject, t.N)
	return err
}

// Site returns what is kept of where people are and of wrong PINs.
func (j *Journal) Site(ctx context.Context) (site.Kept, error) {
	d := j.db.Load()
	if d == nil {
		return site.Kept{}, errNotOpen()
	}
	var k site.Kept
	err := d.Read(ctx, func(q db.Queryer) error {
		var places []struct {
			Area, Person, At string
			State            uint8
			Visitor, Escort  bool
		}
		if err := q.Select(ctx, &places, `SELECT area, person, state, at, visitor, escort FROM journal_place ORDER BY area, person`); err != nil {
			return err
		}
		for _, p := range places {
			k.Places = append(k.Places, site.KeptPlace{Place: site.Place{
				Area: p.Area, Person: p.Person, State: site.Standing(p.State), At: parseTime(p.At), Visitor: p.Visitor, Escort: p.Escort,
			}})
		}
		return q.Select(ctx, &k.Tries, `SELECT subject, n FROM journal_tries ORDER BY subject`)
	})
	return k, err
}
