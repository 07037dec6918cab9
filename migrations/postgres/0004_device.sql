-- Controllers and what hangs on their lines (lifecycle/device).

-- owner: lifecycle/device
CREATE TABLE controller (
    id TEXT   PRIMARY KEY,
    n  BIGINT NOT NULL
);

-- secret_sha256: hex; the secret is 256 random bits.
-- owner: lifecycle/device
CREATE TABLE controller_version (
    id            TEXT   NOT NULL,
    n             BIGINT NOT NULL CHECK (n > 0),
    at            TEXT   NOT NULL,
    actor         TEXT   NOT NULL,
    reason        TEXT   NOT NULL,
    place         TEXT   NOT NULL,
    secret_sha256 TEXT   NOT NULL CHECK (length(secret_sha256) = 64),
    salt          BYTEA  NOT NULL,
    leaf          BIGINT NOT NULL UNIQUE,
    PRIMARY KEY (id, n)
);

CREATE TRIGGER controller_version_append_only BEFORE UPDATE OR DELETE ON controller_version FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE TRIGGER controller_version_no_truncate BEFORE TRUNCATE ON controller_version FOR EACH STATEMENT EXECUTE FUNCTION append_only();

-- owner: lifecycle/device
CREATE TABLE reader (
    id TEXT   PRIMARY KEY,
    n  BIGINT NOT NULL
);

-- id: controller/name.
-- owner: lifecycle/device
CREATE TABLE reader_version (
    id         TEXT   NOT NULL,
    n          BIGINT NOT NULL CHECK (n > 0),
    at         TEXT   NOT NULL,
    actor      TEXT   NOT NULL,
    reason     TEXT   NOT NULL,
    controller TEXT   NOT NULL,
    name       TEXT   NOT NULL,
    kind       TEXT   NOT NULL CHECK (kind IN ('osdp_reader', 'osdp_io')),
    address    BIGINT NOT NULL CHECK (address BETWEEN 0 AND 126),
    salt       BYTEA  NOT NULL,
    leaf       BIGINT NOT NULL UNIQUE,
    PRIMARY KEY (id, n)
);

CREATE TRIGGER reader_version_append_only BEFORE UPDATE OR DELETE ON reader_version FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE TRIGGER reader_version_no_truncate BEFORE TRUNCATE ON reader_version FOR EACH STATEMENT EXECUTE FUNCTION append_only();

-- What each controller said last. Not a register: overwritten, and lost without harm.
-- owner: lifecycle/device
CREATE TABLE controller_status (
    controller   TEXT    PRIMARY KEY,
    online       INTEGER NOT NULL,
    seen         TEXT    NOT NULL,
    offset_ms    BIGINT,
    epoch        BIGINT  NOT NULL,
    last_seq     BIGINT  NOT NULL,
    acked        BIGINT  NOT NULL,
    policy_epoch BIGINT  NOT NULL,
    policy_n     BIGINT  NOT NULL,
    policy_hash  TEXT    NOT NULL,
    software     TEXT    NOT NULL,
    devices      TEXT    NOT NULL,
    doors        TEXT    NOT NULL,
    trouble      TEXT    NOT NULL
);

-- The policy version each controller should have; n only rises. The epoch before it is the centre's.
-- owner: lifecycle/device
CREATE TABLE controller_policy (
    controller TEXT   PRIMARY KEY,
    n          BIGINT NOT NULL CHECK (n > 0)
);

-- One row. A centre restored from a backup opens a higher epoch.
-- owner: lifecycle/device
CREATE TABLE centre_epoch (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    epoch BIGINT  NOT NULL CHECK (epoch > 0)
);

INSERT INTO centre_epoch (id, epoch) VALUES (1, 1);

CREATE VIEW v_device_controller AS
SELECT c.id, c.n, v.place, p.n AS wanted_n, e.epoch AS wanted_epoch,
       s.online, s.seen, s.offset_ms, s.last_seq, s.acked, s.policy_epoch, s.policy_n, s.policy_hash,
       s.software, s.devices, s.doors, s.trouble
FROM controller c
JOIN controller_version v ON v.id = c.id AND v.n = c.n
JOIN controller_policy p ON p.controller = c.id
JOIN centre_epoch e ON e.id = 1
LEFT JOIN controller_status s ON s.controller = c.id;

-- Which controllers must learn of a change to an area, a person or a schedule.
CREATE VIEW v_device_area_controller AS
SELECT DISTINCT v.area, v.controller
FROM door d
JOIN door_version v ON v.id = d.id AND v.n = d.n;

CREATE VIEW v_device_right AS
SELECT DISTINCT v.person, v.schedule, v.area
FROM access_right r
JOIN access_right_version v ON v.id = r.id AND v.n = r.n
WHERE v.state = 'granted';
