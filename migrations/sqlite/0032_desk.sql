-- Desks: PCs of the staff with a card reader (lifecycle/desk). They are at no door.

-- owner: lifecycle/desk
CREATE TABLE desk (
    id         TEXT   PRIMARY KEY,
    n          BIGINT NOT NULL,
    state      TEXT   NOT NULL,
    public_key TEXT   NOT NULL
);

-- What happened to a desk (step), and what it is afterwards. accepts: formats of credentials, separated by one blank; empty: all. watch_s: after how
-- many seconds a card counts as left in the reader; 0: never. public_key (Ed25519): hex, empty before the first enrolment. token_until: when
-- the token made in this step ends; empty in other steps.
-- owner: lifecycle/desk
CREATE TABLE desk_version (
    id          TEXT   NOT NULL,
    n           BIGINT NOT NULL CHECK (n > 0),
    at          TEXT   NOT NULL,
    actor       TEXT   NOT NULL,
    reason      TEXT   NOT NULL,
    step        TEXT   NOT NULL CHECK (step IN ('added', 'changed', 'token', 'enrolled', 'renewed', 'revoked')),
    place       TEXT   NOT NULL,
    accepts     TEXT   NOT NULL,
    watch_s     BIGINT NOT NULL CHECK (watch_s >= 0),
    state       TEXT   NOT NULL CHECK (state IN ('registered', 'enrolled', 'revoked')),
    public_key  TEXT   NOT NULL CHECK (length(public_key) IN (0, 64)),
    key_id      TEXT   NOT NULL,
    fingerprint TEXT   NOT NULL,
    serial      TEXT   NOT NULL,
    issued_at   TEXT   NOT NULL,
    not_after   TEXT   NOT NULL,
    token_until TEXT   NOT NULL,
    salt        BLOB   NOT NULL,
    leaf        BIGINT NOT NULL UNIQUE,
    PRIMARY KEY (id, n)
);

CREATE TRIGGER desk_version_no_update BEFORE UPDATE ON desk_version
BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER desk_version_no_delete BEFORE DELETE ON desk_version
BEGIN SELECT RAISE(ABORT, 'append-only'); END;

CREATE INDEX desk_version_key ON desk_version (public_key) WHERE public_key <> '';

-- The one open token of a desk. hash: of the token. used_by: the public key that was enrolled with it, hex; empty before.
-- owner: lifecycle/desk
CREATE TABLE desk_token (
    desk    TEXT PRIMARY KEY,
    hash    TEXT NOT NULL CHECK (hash <> ''),
    expires TEXT NOT NULL,
    used_by TEXT NOT NULL
);

-- Cards that were left in a reader for too long. stay: the desk's own number of it. card: empty for a card that the register does not know. since: by the
-- centre's clock, reckoned back by what the desk said.
-- owner: lifecycle/desk
CREATE TABLE desk_left (
    desk  TEXT   NOT NULL,
    stay  TEXT   NOT NULL,
    at    TEXT   NOT NULL,
    actor TEXT   NOT NULL,
    card  TEXT   NOT NULL,
    since TEXT   NOT NULL,
    salt  BLOB   NOT NULL,
    leaf  BIGINT NOT NULL UNIQUE,
    PRIMARY KEY (desk, stay)
);

CREATE TRIGGER desk_left_no_update BEFORE UPDATE ON desk_left
BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER desk_left_no_delete BEFORE DELETE ON desk_left
BEGIN SELECT RAISE(ABORT, 'append-only'); END;

CREATE INDEX desk_left_card ON desk_left (card, leaf);

-- Those of them that still lie there.
-- owner: lifecycle/desk
CREATE TABLE desk_stay (
    desk TEXT NOT NULL,
    stay TEXT NOT NULL,
    PRIMARY KEY (desk, stay)
);

CREATE VIEW v_desk_desk AS
SELECT d.id, d.n, v.place, v.accepts, v.watch_s, v.state, v.public_key, v.key_id, v.fingerprint, v.serial, v.issued_at, v.not_after,
       CASE WHEN v.state = 'revoked' THEN v.at ELSE '' END AS revoked_at,
       CASE WHEN v.state = 'revoked' THEN v.reason ELSE '' END AS revoked_reason,
       CASE WHEN t.used_by = '' THEN t.expires ELSE '' END AS token_until
FROM desk d
JOIN desk_version v ON v.id = d.id AND v.n = d.n
LEFT JOIN desk_token t ON t.desk = d.id;

CREATE VIEW v_desk_stay AS
SELECT s.desk, s.stay, l.card, l.since, COALESCE(c.label, '') AS label
FROM desk_stay s
JOIN desk_left l ON l.desk = s.desk AND l.stay = s.stay
LEFT JOIN card c ON c.id = l.card;
