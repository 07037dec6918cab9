-- People (lifecycle/staff): versions are kept for good, names can be erased.

-- owner: lifecycle/staff
CREATE TABLE staff (
    id TEXT   PRIMARY KEY,
    n  BIGINT NOT NULL
);

-- owner: lifecycle/staff
CREATE TABLE staff_version (
    id            TEXT   NOT NULL,
    n             BIGINT NOT NULL CHECK (n > 0),
    at            TEXT   NOT NULL,
    actor         TEXT   NOT NULL,
    reason        TEXT   NOT NULL,
    section       TEXT   NOT NULL,
    valid_from    TEXT   NOT NULL,
    valid_until   TEXT   NOT NULL,
    personal_hash BLOB,
    salt          BLOB   NOT NULL,
    leaf          BIGINT NOT NULL UNIQUE,
    PRIMARY KEY (id, n)
);

CREATE TRIGGER staff_version_no_update BEFORE UPDATE ON staff_version
BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER staff_version_no_delete BEFORE DELETE ON staff_version
BEGIN SELECT RAISE(ABORT, 'append-only'); END;

-- Erasable: the version keeps only the salted hash of this row.
-- owner: lifecycle/staff
CREATE TABLE staff_personal (
    id   TEXT   NOT NULL,
    n    BIGINT NOT NULL,
    salt BLOB   NOT NULL,
    name TEXT   NOT NULL,
    kana TEXT   NOT NULL,
    PRIMARY KEY (id, n)
);
