-- Cards (lifecycle/card). The states are closed.

-- owner: lifecycle/card
CREATE TABLE card (
    id             TEXT   PRIMARY KEY,
    n              BIGINT NOT NULL,
    label          TEXT   NOT NULL UNIQUE,
    credential_key BLOB   NOT NULL UNIQUE
);

-- owner: lifecycle/card
CREATE TABLE card_version (
    id             TEXT   NOT NULL,
    n              BIGINT NOT NULL CHECK (n > 0),
    at             TEXT   NOT NULL,
    actor          TEXT   NOT NULL,
    reason         TEXT   NOT NULL,
    label          TEXT   NOT NULL,
    kind           TEXT   NOT NULL CHECK (kind IN ('personal')),
    state          TEXT   NOT NULL CHECK (state IN ('in_stock', 'issued', 'suspended', 'revoked', 'returned', 'destroyed')),
    person         TEXT   NOT NULL,
    credential_key BLOB   NOT NULL CHECK (length(credential_key) = 32),
    issued_at      TEXT   NOT NULL,
    valid_from     TEXT   NOT NULL,
    valid_until    TEXT   NOT NULL,
    salt           BLOB   NOT NULL,
    leaf           BIGINT NOT NULL UNIQUE,
    PRIMARY KEY (id, n)
);

CREATE TRIGGER card_version_no_update BEFORE UPDATE ON card_version
BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER card_version_no_delete BEFORE DELETE ON card_version
BEGIN SELECT RAISE(ABORT, 'append-only'); END;

CREATE INDEX card_version_person ON card_version (person);

-- Every version with its holder's name, so that the register can be read as of any day.
CREATE VIEW v_card_version AS
SELECT v.id, v.n, v.at, v.label, v.kind, v.state, v.person, v.issued_at, v.valid_from, v.valid_until,
       c.n AS newest, COALESCE(p.name, '') AS person_name
FROM card_version v
JOIN card c ON c.id = v.id
LEFT JOIN staff s ON s.id = v.person
LEFT JOIN staff_personal p ON p.id = s.id AND p.n = s.n;

CREATE VIEW v_staff_member AS
SELECT s.id, s.n, v.section, v.valid_from, v.valid_until,
       COALESCE(p.name, '') AS name, COALESCE(p.kana, '') AS kana,
       (SELECT COUNT(*) FROM card_version cv JOIN card c ON c.id = cv.id AND c.n = cv.n
        WHERE cv.person = s.id AND cv.state IN ('issued', 'suspended')) AS cards
FROM staff s
JOIN staff_version v ON v.id = s.id AND v.n = s.n
LEFT JOIN staff_personal p ON p.id = s.id AND p.n = s.n;
