-- PINs (lifecycle/pin). The digits are nowhere: what stands here are keyed hashes of them, in their first form.

-- id: the person, or person/area for a PIN that is taken alone in an area. area: empty for a person's own.
-- owner: lifecycle/pin
CREATE TABLE pin (
    id      TEXT   PRIMARY KEY,
    n       BIGINT NOT NULL,
    person  TEXT   NOT NULL,
    area    TEXT   NOT NULL,
    state   TEXT   NOT NULL,
    expires TEXT   NOT NULL
);

CREATE INDEX pin_person ON pin (person);
CREATE INDEX pin_area ON pin (area, state);
CREATE INDEX pin_expires ON pin (state, expires);

-- digits: how many, where PINs are taken alone; 0 for a person's own. duress_key: empty when there is none for threats.
-- owner: lifecycle/pin
CREATE TABLE pin_version (
    id         TEXT    NOT NULL,
    n          BIGINT  NOT NULL CHECK (n > 0),
    at         TEXT    NOT NULL,
    actor      TEXT    NOT NULL,
    reason     TEXT    NOT NULL,
    person     TEXT    NOT NULL,
    area       TEXT    NOT NULL,
    state      TEXT    NOT NULL CHECK (state IN ('set', 'withdrawn')),
    digits     INTEGER NOT NULL CHECK (digits = 0 OR digits BETWEEN 4 AND 8),
    pin_key    BYTEA   NOT NULL CHECK (length(pin_key) = 32),
    duress_key BYTEA   NOT NULL CHECK (length(duress_key) IN (0, 32)),
    set_at     TEXT    NOT NULL,
    expires    TEXT    NOT NULL,
    salt       BYTEA   NOT NULL,
    leaf       BIGINT  NOT NULL UNIQUE,
    PRIMARY KEY (id, n)
);

CREATE INDEX pin_version_person ON pin_version (person);

CREATE TRIGGER pin_version_append_only BEFORE UPDATE OR DELETE ON pin_version FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE TRIGGER pin_version_no_truncate BEFORE TRUNCATE ON pin_version FOR EACH STATEMENT EXECUTE FUNCTION append_only();

-- Every hash that ever was a PIN, or one for threats: none serves twice. It can be made again from pin_version.
-- owner: lifecycle/pin
CREATE TABLE pin_code (
    code_key BYTEA  PRIMARY KEY CHECK (length(code_key) = 32),
    id       TEXT   NOT NULL,
    n        BIGINT NOT NULL
);

CREATE TRIGGER pin_code_append_only BEFORE UPDATE OR DELETE ON pin_code FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE TRIGGER pin_code_no_truncate BEFORE TRUNCATE ON pin_code FOR EACH STATEMENT EXECUTE FUNCTION append_only();

-- PINs as they stand, with whose they are. codes: how many numbers are taken by it.
CREATE VIEW v_pin_pin AS
SELECT i.id, i.n, i.person, i.area, i.state, i.expires, v.digits, v.set_at,
       CASE WHEN length(v.duress_key) = 32 THEN 2 ELSE 1 END AS codes,
       COALESCE(p.name, '') AS person_name, COALESCE(av.name, '') AS area_name, sv.valid_until AS person_until
FROM pin i
JOIN pin_version v ON v.id = i.id AND v.n = i.n
JOIN staff s ON s.id = i.person
JOIN staff_version sv ON sv.id = s.id AND sv.n = s.n
LEFT JOIN staff_personal p ON p.id = s.id AND p.n = s.n
LEFT JOIN area a ON a.id = i.area
LEFT JOIN area_version av ON av.id = a.id AND av.n = a.n;

CREATE VIEW v_pin_log AS
SELECT v.n, v.at, v.actor, v.reason, v.person, v.area, COALESCE(av.name, '') AS area_name, v.state, length(v.duress_key) = 32 AS duress, v.set_at, v.expires, v.leaf
FROM pin_version v
LEFT JOIN area a ON a.id = v.area
LEFT JOIN area_version av ON av.id = a.id AND av.n = a.n;

CREATE VIEW v_pin_person AS
SELECT s.id, v.valid_until
FROM staff s
JOIN staff_version v ON v.id = s.id AND v.n = s.n;

-- What the compiler of policies reads (api/policy).
CREATE VIEW v_policy_pin AS
SELECT i.person, i.area, v.pin_key, v.duress_key, i.expires
FROM pin i
JOIN pin_version v ON v.id = i.id AND v.n = i.n
WHERE i.state = 'set';

DROP VIEW v_policy_state;
CREATE VIEW v_policy_state AS
SELECT (SELECT COALESCE(MAX(leaf), -1) FROM staff_version) AS staff, (SELECT COALESCE(MAX(leaf), -1) FROM card_version) AS card,
       (SELECT COALESCE(MAX(leaf), -1) FROM pin_version) AS pin;
