-- A card has one or more credentials, all of one holder (lifecycle/card). The first is the card's own and stands in card_version, as it always did; what was there
-- before has NULL for its format, which is bits. A subject known to a biometric terminal is a card too, of the kind biometric: it is suspended, revoked and sent to doors
-- like one. No template is kept anywhere.

-- format: of the card's own credential. terminal: controller/name of the terminal at which a biometric one was enrolled.
ALTER TABLE card_version ADD COLUMN format TEXT;
ALTER TABLE card_version ADD COLUMN terminal TEXT;
ALTER TABLE card_version DROP CONSTRAINT card_version_kind_check;
ALTER TABLE card_version ADD CONSTRAINT card_version_kind_check CHECK (kind IN ('personal', 'biometric'));

-- The further credentials of cards.
-- owner: lifecycle/card
CREATE TABLE card_credential (
    id    TEXT   PRIMARY KEY,
    n     BIGINT NOT NULL,
    card  TEXT   NOT NULL,
    state TEXT   NOT NULL
);

CREATE INDEX card_credential_card ON card_credential (card);

-- trust: the most that a read of the format can prove. ended_at: empty while it counts.
-- owner: lifecycle/card
CREATE TABLE card_credential_version (
    id             TEXT   NOT NULL,
    n              BIGINT NOT NULL CHECK (n > 0),
    at             TEXT   NOT NULL,
    actor          TEXT   NOT NULL,
    reason         TEXT   NOT NULL,
    card           TEXT   NOT NULL,
    credential_key BYTEA  NOT NULL CHECK (length(credential_key) = 32),
    format         TEXT   NOT NULL CHECK (format IN ('bits', 'uid', 'idm', 'felica', 'text', 'verdict')),
    trust          TEXT   NOT NULL CHECK (trust IN ('number', 'memory', 'mutual')),
    state          TEXT   NOT NULL CHECK (state IN ('enrolled', 'ended')),
    enrolled_at    TEXT   NOT NULL,
    ended_at       TEXT   NOT NULL,
    salt           BYTEA  NOT NULL,
    leaf           BIGINT NOT NULL UNIQUE,
    PRIMARY KEY (id, n)
);

CREATE TRIGGER card_credential_version_append_only BEFORE UPDATE OR DELETE ON card_credential_version FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE TRIGGER card_credential_version_no_truncate BEFORE TRUNCATE ON card_credential_version FOR EACH STATEMENT EXECUTE FUNCTION append_only();

-- Every credential that ever was a card's: none is another's. It can be made again from card_version and card_credential_version.
-- owner: lifecycle/card
CREATE TABLE card_key (
    credential_key BYTEA PRIMARY KEY CHECK (length(credential_key) = 32),
    card           TEXT NOT NULL
);

INSERT INTO card_key (credential_key, card) SELECT credential_key, id FROM card;

CREATE TRIGGER card_key_append_only BEFORE UPDATE OR DELETE ON card_key FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE TRIGGER card_key_no_truncate BEFORE TRUNCATE ON card_key FOR EACH STATEMENT EXECUTE FUNCTION append_only();

-- What a card is read by, its own credential first.
CREATE VIEW v_card_credential AS
SELECT c.id AS card, '' AS id, v.credential_key, COALESCE(v.format, 'bits') AS format, 'enrolled' AS state, v.issued_at AS enrolled_at, '' AS ended_at
FROM card c
JOIN card_version v ON v.id = c.id AND v.n = c.n
UNION ALL
SELECT c.card, c.id, v.credential_key, v.format, v.state, v.enrolled_at, v.ended_at
FROM card_credential c
JOIN card_credential_version v ON v.id = c.id AND v.n = c.n;

DROP VIEW v_card_version;
CREATE VIEW v_card_version AS
SELECT v.id, v.n, v.at, v.label, v.kind, v.state, v.person, v.issued_at, v.valid_from, v.valid_until,
       c.n AS newest, COALESCE(p.name, '') AS person_name, COALESCE(v.terminal, '') AS terminal
FROM card_version v
JOIN card c ON c.id = v.id
LEFT JOIN staff s ON s.id = v.person
LEFT JOIN staff_personal p ON p.id = s.id AND p.n = s.n;

-- What the compiler of policies reads (api/policy): an entry for each credential.
DROP VIEW v_policy_card;
CREATE VIEW v_policy_card AS
SELECT k.card AS id, k.credential_key, v.person, CASE WHEN k.state = 'ended' THEN 'ended' ELSE v.state END AS state, v.valid_from, v.valid_until
FROM v_card_credential k
JOIN card c ON c.id = k.card
JOIN card_version v ON v.id = c.id AND v.n = c.n
WHERE v.state IN ('issued', 'suspended', 'revoked');

DROP VIEW v_policy_state;
CREATE VIEW v_policy_state AS
SELECT (SELECT COALESCE(MAX(leaf), -1) FROM staff_version) AS staff, (SELECT COALESCE(MAX(leaf), -1) FROM card_version) AS card,
       (SELECT COALESCE(MAX(leaf), -1) FROM card_credential_version) AS credential, (SELECT COALESCE(MAX(leaf), -1) FROM pin_version) AS pin;

-- The credentials of cards as they stood at any leaf (api/explain).
CREATE VIEW v_explain_credential AS
SELECT id AS card, '' AS id, n, leaf, credential_key, 'enrolled' AS state FROM card_version
UNION ALL
SELECT card, id, n, leaf, credential_key, state FROM card_credential_version;
