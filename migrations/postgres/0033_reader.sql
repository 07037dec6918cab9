-- Readers that are not on an OSDP line, and what a reader was commissioned with (lifecycle/device, lifecycle/profile).

-- address: NULL for what has none.
ALTER TABLE reader_version ALTER COLUMN address DROP NOT NULL;
ALTER TABLE reader_version DROP CONSTRAINT reader_version_kind_check;
ALTER TABLE reader_version ADD CONSTRAINT reader_version_kind_check CHECK (kind IN ('osdp_reader', 'osdp_io', 'pcsc_reader', 'serial_reader', 'terminal'));

-- id: controller/name of the reader.
-- owner: lifecycle/profile
CREATE TABLE reader_profile (
    id TEXT   PRIMARY KEY,
    n  BIGINT NOT NULL
);

-- trust: what a read there proves at most. frames: JSON list of access.Frame; none: it takes everything. plain_route: 1 when somebody has said that the reader's
-- unencrypted wire is out of reach. approved_by: the second person, "set-up", or NULL where one was enough.
-- owner: lifecycle/profile
CREATE TABLE reader_profile_version (
    id          TEXT    NOT NULL,
    n           BIGINT  NOT NULL CHECK (n > 0),
    at          TEXT    NOT NULL,
    actor       TEXT    NOT NULL,
    reason      TEXT    NOT NULL,
    controller  TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    trust       TEXT    NOT NULL CHECK (trust IN ('number', 'memory', 'mutual')),
    frames      TEXT    NOT NULL,
    plain_route INTEGER NOT NULL CHECK (plain_route IN (0, 1)),
    approved_by TEXT,
    salt        BYTEA   NOT NULL,
    leaf        BIGINT  NOT NULL UNIQUE,
    PRIMARY KEY (id, n)
);

CREATE TRIGGER reader_profile_version_append_only BEFORE UPDATE OR DELETE ON reader_profile_version FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE TRIGGER reader_profile_version_no_truncate BEFORE TRUNCATE ON reader_profile_version FOR EACH STATEMENT EXECUTE FUNCTION append_only();

-- plain_route: whether an unencrypted reader may stand at a door of the grade; NULL for what is older than the question.
ALTER TABLE grade_version ADD COLUMN plain_route INTEGER CHECK (plain_route IN (0, 1));

-- The readers of the house with their newest profile; the columns of a profile are NULL where there is none.
CREATE VIEW v_profile_reader AS
SELECT r.id, v.controller, v.name, v.kind, p.n, pv.trust, pv.frames, pv.plain_route
FROM reader r
JOIN reader_version v ON v.id = r.id AND v.n = r.n
LEFT JOIN reader_profile p ON p.id = r.id
LEFT JOIN reader_profile_version pv ON pv.id = p.id AND pv.n = p.n;

CREATE VIEW v_profile_door AS
SELECT d.id, v.controller, v.entry_readers, v.exit_readers, v.area, av.grade
FROM door d
JOIN door_version v ON v.id = d.id AND v.n = d.n
JOIN area a ON a.id = v.area
JOIN area_version av ON av.id = a.id AND av.n = a.n;

-- What the compiler of policies reads (api/policy).
CREATE VIEW v_policy_reader AS
SELECT p.id, v.controller, v.name, v.trust, v.frames
FROM reader_profile p
JOIN reader_profile_version v ON v.id = p.id AND v.n = p.n;

-- Profiles as they stood at any leaf (api/explain).
CREATE VIEW v_explain_reader AS
SELECT id, n, leaf, controller, name, trust, frames FROM reader_profile_version;
