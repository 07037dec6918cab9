-- Revocations of cards (lifecycle/revocation).

-- One entry of the revocation set: from version (epoch, n) on, a credential is in a state. targets: the names of the controllers that could know
-- the card then, a JSON list, and how many. lost_at: empty when no loss was reported.
-- owner: lifecycle/revocation
CREATE TABLE revocation (
    epoch          BIGINT NOT NULL CHECK (epoch > 0),
    n              BIGINT NOT NULL CHECK (n > 0),
    at             TEXT   NOT NULL,
    actor          TEXT   NOT NULL,
    reason         TEXT   NOT NULL,
    card           TEXT   NOT NULL,
    credential_key BLOB   NOT NULL CHECK (length(credential_key) = 32),
    state          TEXT   NOT NULL CHECK (state IN ('active', 'suspended', 'revoked')),
    lost_at        TEXT   NOT NULL,
    targets        TEXT   NOT NULL,
    target_count   BIGINT NOT NULL CHECK (target_count >= 0),
    salt           BLOB   NOT NULL,
    leaf           BIGINT NOT NULL UNIQUE,
    PRIMARY KEY (epoch, n)
);

CREATE TRIGGER revocation_no_update BEFORE UPDATE ON revocation
BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER revocation_no_delete BEFORE DELETE ON revocation
BEGIN SELECT RAISE(ABORT, 'append-only'); END;

CREATE INDEX revocation_card ON revocation (card);
CREATE INDEX revocation_key ON revocation (credential_key);

-- A controller's word that an entry is in force and on disk there. payload: the signed message as it came.
-- owner: lifecycle/revocation
CREATE TABLE revocation_receipt (
    epoch        BIGINT NOT NULL,
    n            BIGINT NOT NULL,
    controller   TEXT   NOT NULL,
    published_at TEXT   NOT NULL,
    applied_at   TEXT   NOT NULL,
    received_at  TEXT   NOT NULL,
    key_id       TEXT   NOT NULL,
    hash         TEXT   NOT NULL,
    payload      BLOB   NOT NULL,
    salt         BLOB   NOT NULL,
    leaf         BIGINT NOT NULL UNIQUE,
    PRIMARY KEY (epoch, n, controller)
);

CREATE TRIGGER revocation_receipt_no_update BEFORE UPDATE ON revocation_receipt
BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER revocation_receipt_no_delete BEFORE DELETE ON revocation_receipt
BEGIN SELECT RAISE(ABORT, 'append-only'); END;

-- How far each controller has confirmed with its key; another key is another box, of which nothing is known. whole: 1 when it has confirmed the
-- entries of all earlier epochs too. It can be made again by asking.
-- owner: lifecycle/revocation
CREATE TABLE revocation_progress (
    controller TEXT    PRIMARY KEY,
    key_id     TEXT    NOT NULL,
    epoch      BIGINT  NOT NULL,
    n          BIGINT  NOT NULL,
    whole      INTEGER NOT NULL CHECK (whole IN (0, 1))
);

CREATE VIEW v_revocation_item AS
SELECT r.epoch, r.n, r.at, r.actor, r.reason, r.card, r.state, r.lost_at, r.targets, r.target_count,
       COALESCE(cv.label, '') AS label, COALESCE(cv.person, '') AS person, COALESCE(p.name, '') AS person_name,
       (SELECT COUNT(*) FROM revocation_receipt c WHERE c.epoch = r.epoch AND c.n = r.n) AS confirmed
FROM revocation r
LEFT JOIN card c ON c.id = r.card
LEFT JOIN card_version cv ON cv.id = c.id AND cv.n = c.n
LEFT JOIN staff s ON s.id = cv.person
LEFT JOIN staff_personal p ON p.id = s.id AND p.n = s.n;

CREATE VIEW v_revocation_behind AS
SELECT t.controller, COALESCE(g.epoch, 0) AS epoch, COALESCE(g.n, 0) AS n
FROM v_device_with_door t
LEFT JOIN revocation_progress g ON g.controller = t.controller AND g.key_id = t.key_id
WHERE t.state = 'enrolled';

CREATE VIEW v_revocation_progress AS
SELECT i.id AS controller, iv.key_id, COALESCE(g.epoch, 0) AS epoch, COALESCE(g.n, 0) AS n, COALESCE(g.whole, 0) AS whole
FROM controller_identity i
JOIN controller_identity_version iv ON iv.id = i.id AND iv.n = i.n
LEFT JOIN revocation_progress g ON g.controller = i.id AND g.key_id = iv.key_id
WHERE i.state = 'enrolled';

CREATE VIEW v_revocation_line AS
SELECT c.id, c.place, COALESCE(c.online, 0) AS online, c.leased_at
FROM v_device_controller c;

CREATE VIEW v_revocation_door AS
SELECT v.controller, d.id, v.name
FROM door d
JOIN door_version v ON v.id = d.id AND v.n = d.n;
