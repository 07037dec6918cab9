package pin

import (
	"context"
	"fmt"

	"kanmon/internal/access"
	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/area"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/field"
	"kanmon/lifecycle/period"
	"kanmon/lifecycle/staff"
	"kanmon/reader/credential"
)

// Set gives a person a PIN, in the place of the one they have. It needs authz.PINWrite. Every controller that has to know is told in the same
// transaction.
//
// Errors: Invalid "pin.digits", "pin.choose_own", "pin.length", "pin.trivial", "pin.same", "pin.short"; Conflict "pin.moved", "pin.person_over", "pin.used_before",
// "pin.no_room"; NotFound "staff.unknown", "area.unknown_area".
func (r *Register) Set(ctx context.Context, actor store.Actor, o Order) (Issued, error) {
	if err := o.check(r.cfg.Digits); err != nil {
		return Issued{}, fmt.Errorf("set PIN: %w", err)
	}
	var made Issued
	err := r.store.Write(ctx, actor, o.Reason, func(tx *store.Tx) error {
		if err := actor.May(authz.PINWrite); err != nil {
			return err
		}
		var err error
		made, err = r.set(ctx, tx, o)
		return err
	})
	if err != nil {
		return Issued{}, fmt.Errorf("set PIN: %w", err)
	}
	return made, nil
}

func (o *Order) check(own int) error {
	var err error
	if o.Reason, err = field.Text("reason", o.Reason, 200); err != nil {
		return err
	}
	if o.Digits != 0 && (o.Digits < LeastDigits || o.Digits > MostDigits) {
		return fault.BadField("digits", "pin.digits", fmt.Sprintf("%d digits, want %d–%d", o.Digits, LeastDigits, MostDigits))
	}
	if !o.chosen() {
		return nil
	}
	return o.checkChosen(own)
}

func (o *Order) chosen() bool { return o.Chosen.Len() > 0 || o.ChosenDuress.Len() > 0 }

func (o *Order) checkChosen(own int) error {
	if o.Area != "" {
		return fault.BadField("pin", "pin.choose_own", "a PIN that is taken alone is drawn")
	}
	if err := o.strong("pin", o.Chosen, own); err != nil || o.ChosenDuress.Len() == 0 {
		return err
	}
	if err := o.strong("duress_pin", o.ChosenDuress, own); err != nil {
		return err
	}
	if o.Chosen.Reveal() == o.ChosenDuress.Reveal() {
		return fault.BadField("duress_pin", "pin.same", "the PIN for threats is the same")
	}
	return nil
}

func (o *Order) strong(name string, code credential.Code, own int) error {
	switch digits := code.Reveal(); {
	case len(digits) < own || len(digits) > MostDigits:
		return fault.BadField(name, "pin.length", fmt.Sprintf("want %d–%d digits", own, MostDigits))
	case weak(digits, o.Person):
		return fault.BadField(name, "pin.trivial", "a PIN that is guessed first")
	}
	return nil
}

func (o *Order) scope() string {
	if o.Area == "" {
		return access.PersonScope(o.Person)
	}
	return access.AreaScope(o.Area)
}

// idOf is the register's id of a PIN. No id of a person or an area has a slash.
func idOf(person, area string) string {
	if area == "" {
		return person
	}
	return person + "/" + area
}

func (r *Register) set(ctx context.Context, tx *store.Tx, o Order) (Issued, error) {
	if err := o.fits(ctx, tx); err != nil {
		return Issued{}, err
	}
	n, err := r.length(ctx, tx, o)
	if err != nil {
		return Issued{}, err
	}
	main, duress, err := r.codes(ctx, tx, o, n)
	if err != nil {
		return Issued{}, err
	}
	k := kept{
		ID: idOf(o.Person, o.Area), Person: o.Person, Area: o.Area, State: Set, Key: main.key[:], SetAt: period.Text(tx.Now()), Expires: r.expires(tx.Now()),
		Duress: []byte{},
	}
	if o.Area != "" {
		k.Digits = int64(n)
	}
	if duress.there() {
		k.Duress = duress.key[:]
	}
	if err := k.keep(ctx, tx); err != nil {
		return Issued{}, err
	}
	made := Issued{}
	if !o.chosen() {
		made.Code, made.Duress = main.Code, duress.Code
	}
	made.PIN, err = get(ctx, tx, k.ID)
	return made, err
}

// fits checks an order against the other registers, and that nobody was faster.
func (o *Order) fits(ctx context.Context, tx *store.Tx) error {
	if err := staff.Known(ctx, tx, o.Person); err != nil {
		return err
	}
	if o.Area != "" {
		if err := area.Known(ctx, tx, o.Area); err != nil {
			return err
		}
	}
	var until string
	if err := tx.Get(ctx, &until, `SELECT valid_until FROM v_pin_person WHERE id = ?`, o.Person); err != nil {
		return err
	}
	if until != "" && until <= period.Text(tx.Now()) {
		return fault.New(fault.Conflict, "pin.person_over", "the person's validity is over")
	}
	if o.After == NotAsked {
		return nil
	}
	present, err := keptOf(ctx, tx, idOf(o.Person, o.Area))
	if err == nil && present.N != o.After {
		err = fault.New(fault.Conflict, "pin.moved", fmt.Sprintf("the PIN is of version %d, not %d", present.N, o.After))
	}
	return err
}

// length is how many digits a drawn PIN has. Where PINs are taken alone, the population of the area decides, with this one in it.
func (r *Register) length(ctx context.Context, tx *store.Tx, o Order) (int, error) {
	if o.Area == "" {
		return max(o.Digits, r.cfg.Digits), nil
	}
	var others int
	err := tx.Get(ctx, &others, `SELECT COALESCE(SUM(codes), 0) FROM v_pin_pin WHERE area = ? AND state = 'set' AND id <> ?`, o.Area, idOf(o.Person, o.Area))
	if err != nil {
		return 0, err
	}
	more := 1
	if o.Duress {
		more = 2
	}
	needed := Digits(others + more)
	switch {
	case needed > MostDigits:
		return 0, noRoom()
	case o.Digits != 0 && o.Digits < needed:
		return 0, fault.BadField("digits", "pin.short", fmt.Sprintf("%d digits are too few for %d codes", o.Digits, others+more))
	}
	return max(o.Digits, needed), nil
}

func noRoom() error {
	return fault.New(fault.Conflict, "pin.no_room", "there is no PIN left to draw")
}

// hashed is a PIN with its keyed hash.
type hashed struct {
	credential.Code
	key access.Key
}

func (h hashed) there() bool { return h.Len() > 0 }

// codes are the PIN and the one for threats, as chosen or drawn.
func (r *Register) codes(ctx context.Context, tx *store.Tx, o Order, digits int) (main, duress hashed, err error) {
	if o.chosen() {
		if main, err = r.take(ctx, tx, o, "pin", o.Chosen); err == nil && o.ChosenDuress.Len() > 0 {
			duress, err = r.take(ctx, tx, o, "duress_pin", o.ChosenDuress)
		}
		return main, duress, err
	}
	if main, err = r.drawn(ctx, tx, o, digits); err == nil && o.Duress {
		duress, err = r.drawn(ctx, tx, o, digits)
	}
	return main, duress, err
}

func (r *Register) hash(o Order, code credential.Code) hashed {
	return hashed{code, code.Key(r.cfg.HashKey, o.scope())}
}

// take refuses a chosen PIN that this person had before. That it is another's says nobody: its hash is of this person.
func (r *Register) take(ctx context.Context, tx *store.Tx, o Order, name string, code credential.Code) (hashed, error) {
	h := r.hash(o, code)
	free, err := r.reserve(ctx, tx, o, h)
	if err == nil && !free {
		used := fault.New(fault.Conflict, "pin.used_before", "the person had this PIN before")
		used.Field = name
		return h, used
	}
	return h, err
}

// tries is how often a PIN is drawn before there is said to be none: with nine of ten codes gone, one in 10^45 orders gives up too early.
const tries = 1_000

// drawn draws until a PIN is neither weak nor was one before.
func (r *Register) drawn(ctx context.Context, tx *store.Tx, o Order, digits int) (hashed, error) {
	for range tries {
		drawn := r.cfg.Draw(digits)
		if weak(drawn, o.Person) {
			continue
		}
		code, err := credential.NewCode(drawn)
		if err != nil {
			return hashed{}, err
		}
		h := r.hash(o, code)
		if free, err := r.reserve(ctx, tx, o, h); err != nil || free {
			return h, err
		}
	}
	return hashed{}, noRoom()
}

// reserve keeps a hash for the PIN's next version; false when it was one before. Nobody writes beside a transaction that writes, and the table
// takes no hash twice.
func (r *Register) reserve(ctx context.Context, tx *store.Tx, o Order, h hashed) (free bool, err error) {
	var there int
	if err := tx.Get(ctx, &there, `SELECT COUNT(*) FROM pin_code WHERE code_key = ?`, h.key[:]); err != nil || there > 0 {
		return false, err
	}
	id := idOf(o.Person, o.Area)
	present, err := keptOf(ctx, tx, id)
	if err != nil {
		return false, err
	}
	_, err = tx.Exec(ctx, `INSERT INTO pin_code (code_key, id, n) VALUES (?, ?, ?)`, h.key[:], id, present.N+1)
	return true, err
}

// kept is the newest version of a PIN as it is stored; N is 0 while there is none.
type kept struct {
	ID      string
	N       int64
	Person  string
	Area    string
	State   State
	Digits  int64
	Key     []byte `db:"pin_key"`
	Duress  []byte `db:"duress_key"`
	SetAt   string `db:"set_at"`
	Expires string
}

func keptOf(ctx context.Context, q store.Queryer, id string) (kept, error) {
	var k kept
	err := q.Get(ctx, &k, `SELECT i.id, i.n, i.person, i.area, i.state, v.digits, v.pin_key, v.duress_key, v.set_at, i.expires
		FROM pin i JOIN pin_version v ON v.id = i.id AND v.n = i.n WHERE i.id = ?`, id)
	if fault.KindOf(err) == fault.NotFound {
		return kept{ID: id}, nil
	}
	return k, err
}

// keep writes the next version and tells the controllers.
func (k kept) keep(ctx context.Context, tx *store.Tx) error {
	_, err := tx.Version(ctx, "pin", k.ID, store.Row{
		{Name: "area", Value: k.Area},
		{Name: "digits", Value: k.Digits},
		{Name: "duress_key", Value: k.Duress},
		{Name: "expires", Value: k.Expires},
		{Name: "person", Value: k.Person},
		{Name: "pin_key", Value: k.Key},
		{Name: "set_at", Value: k.SetAt},
		{Name: "state", Value: string(k.State)},
	}, nil)
	if err == nil { // a new one is warned about anew
		_, err = tx.Exec(ctx, `UPDATE pin SET warned = NULL WHERE id = ?`, k.ID)
	}
	switch {
	case err != nil:
		return err
	case k.Area == "":
		return device.WantForHolder(ctx, tx)
	}
	return device.WantForArea(ctx, tx, k.Area)
}
