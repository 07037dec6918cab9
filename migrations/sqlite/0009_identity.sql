-- Identities of controllers (lifecycle/device): keys and certificates instead of secrets.
--
-- controller_version.secret_sha256 stays: the rows that have it are bound to the ledger as they are, and must still verify. It means nothing
-- any more; new versions write 64 zeros, the hash of no secret.

-- owner: lifecycle/device
CREATE TABLE controller_identity (
    id         TEXT   PRIMARY KEY,
    n          BIGINT NOT NULL,
    state      TEXT   NOT NULL,
    public_key TEXT   NOT NULL
);

-- What happened to a controller's identity (step), and what it is afterwards. public_key (Ed25519) and box_key (X25519): hex, empty before the
-- first enrolment. token_until: when the token made in this step ends; empty in other steps.
-- owner: lifecycle/device
CREATE TABLE controller_identity_version (
    id          TEXT   NOT NULL,
    n           BIGINT NOT NULL CHECK (n > 0),
    at          TEXT   NOT NULL,
    actor       TEXT   NOT NULL,
    reason      TEXT   NOT NULL,
    step        TEXT   NOT NULL CHECK (step IN ('token', 'enrolled', 'renewed', 'revoked')),
    state       TEXT   NOT NULL CHECK (state IN ('registered', 'enrolled', 'revoked')),
    public_key  TEXT   NOT NULL CHECK (length(public_key) IN (0, 64)),
    key_id      TEXT   NOT NULL,
    box_key     TEXT   NOT NULL,
    fingerprint TEXT   NOT NULL,
    serial      TEXT   NOT NULL,
    issued_at   TEXT   NOT NULL,
    not_after   TEXT   NOT NULL,
    token_until TEXT   NOT NULL,
    salt        BLOB   NOT NULL,
    leaf        BIGINT NOT NULL UNIQUE,
    PRIMARY KEY (id, n)
);

CREATE TRIGGER controller_identity_version_no_update BEFORE UPDATE ON controller_identity_version
BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER controller_identity_version_no_delete BEFORE DELETE ON controller_identity_version
BEGIN SELECT RAISE(ABORT, 'append-only'); END;

CREATE INDEX controller_identity_version_key ON controller_identity_version (public_key) WHERE public_key <> '';
CREATE INDEX controller_identity_version_end ON controller_identity_version (not_after) WHERE not_after <> '';

-- The one open token of a controller. hash: of the token. used_by: the public key that was enrolled with it, hex; empty before.
-- owner: lifecycle/device
CREATE TABLE controller_token (
    controller TEXT PRIMARY KEY,
    hash       TEXT NOT NULL CHECK (hash <> ''),
    expires    TEXT NOT NULL,
    used_by    TEXT NOT NULL
);

ALTER TABLE controller_status ADD COLUMN start_n BIGINT NOT NULL DEFAULT 0;
ALTER TABLE controller_status ADD COLUMN status_n BIGINT NOT NULL DEFAULT 0;
ALTER TABLE controller_status ADD COLUMN kept BIGINT NOT NULL DEFAULT 0;
ALTER TABLE controller_status ADD COLUMN fill_per_mil BIGINT NOT NULL DEFAULT 0;
ALTER TABLE controller_status ADD COLUMN revoked_epoch BIGINT NOT NULL DEFAULT 0;
ALTER TABLE controller_status ADD COLUMN revoked_n BIGINT NOT NULL DEFAULT 0;
ALTER TABLE controller_status ADD COLUMN revoked_hash TEXT NOT NULL DEFAULT '';
ALTER TABLE controller_status ADD COLUMN lease_age_s BIGINT NOT NULL DEFAULT 0;
ALTER TABLE controller_status ADD COLUMN leased_at TEXT NOT NULL DEFAULT '';

-- Every epoch of the centre after the first, and why it was opened. The present one stands in centre_epoch.
-- owner: lifecycle/device
CREATE TABLE centre_epoch_opened (
    epoch    BIGINT NOT NULL PRIMARY KEY CHECK (epoch > 1),
    previous BIGINT NOT NULL,
    at       TEXT   NOT NULL,
    actor    TEXT   NOT NULL,
    reason   TEXT   NOT NULL,
    salt     BLOB   NOT NULL,
    leaf     BIGINT NOT NULL UNIQUE
);

CREATE TRIGGER centre_epoch_opened_no_update BEFORE UPDATE ON centre_epoch_opened
BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER centre_epoch_opened_no_delete BEFORE DELETE ON centre_epoch_opened
BEGIN SELECT RAISE(ABORT, 'append-only'); END;

DROP VIEW v_device_controller;

-- A revoked controller is never online.
CREATE VIEW v_device_controller AS
SELECT c.id, c.n, v.place, p.n AS wanted_n, e.epoch AS wanted_epoch,
       CASE WHEN i.state = 'revoked' AND s.online IS NOT NULL THEN 0 ELSE s.online END AS online,
       s.seen, s.offset_ms, s.last_seq, s.acked, s.policy_epoch, s.policy_n, s.policy_hash,
       s.software, s.devices, s.doors, s.trouble, s.start_n, s.status_n, s.kept, s.fill_per_mil,
       s.revoked_epoch, s.revoked_n, s.revoked_hash, s.lease_age_s, COALESCE(s.leased_at, '') AS leased_at,
       COALESCE(iv.state, 'registered') AS state, COALESCE(iv.key_id, '') AS key_id,
       COALESCE(iv.fingerprint, '') AS fingerprint, COALESCE(iv.serial, '') AS serial,
       COALESCE(iv.issued_at, '') AS issued_at, COALESCE(iv.not_after, '') AS not_after,
       CASE WHEN iv.state = 'revoked' THEN r.at ELSE '' END AS revoked_at,
       CASE WHEN iv.state = 'revoked' THEN r.reason ELSE '' END AS revoked_reason,
       CASE WHEN t.used_by = '' THEN t.expires ELSE '' END AS token_until
FROM controller c
JOIN controller_version v ON v.id = c.id AND v.n = c.n
JOIN controller_policy p ON p.controller = c.id
JOIN centre_epoch e ON e.id = 1
LEFT JOIN controller_status s ON s.controller = c.id
LEFT JOIN controller_identity i ON i.id = c.id
LEFT JOIN controller_identity_version iv ON iv.id = i.id AND iv.n = i.n
LEFT JOIN controller_identity_version r ON r.id = i.id AND r.step = 'revoked'
     AND r.n = (SELECT MAX(x.n) FROM controller_identity_version x WHERE x.id = i.id AND x.step = 'revoked')
LEFT JOIN controller_token t ON t.controller = c.id;

-- Controllers with a door that may hold a policy: one that was never enrolled cannot, one that was revoked may.
CREATE VIEW v_device_with_door AS
SELECT DISTINCT dv.controller, i.state, iv.key_id
FROM door d
JOIN door_version dv ON dv.id = d.id AND dv.n = d.n
JOIN controller_identity i ON i.id = dv.controller
JOIN controller_identity_version iv ON iv.id = i.id AND iv.n = i.n
WHERE i.state <> 'registered';
