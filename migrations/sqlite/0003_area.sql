-- Controlled areas, their doors, schedules and rights (lifecycle/area).

-- owner: lifecycle/area
CREATE TABLE area (
    id TEXT   PRIMARY KEY,
    n  BIGINT NOT NULL
);

-- owner: lifecycle/area
CREATE TABLE area_version (
    id     TEXT    NOT NULL,
    n      BIGINT  NOT NULL CHECK (n > 0),
    at     TEXT    NOT NULL,
    actor  TEXT    NOT NULL,
    reason TEXT    NOT NULL,
    name   TEXT    NOT NULL,
    grade  INTEGER NOT NULL CHECK (grade BETWEEN 1 AND 3),
    record TEXT    NOT NULL CHECK (record IN ('strict', 'best_effort')),
    salt   BLOB    NOT NULL,
    leaf   BIGINT  NOT NULL UNIQUE,
    PRIMARY KEY (id, n)
);

CREATE TRIGGER area_version_no_update BEFORE UPDATE ON area_version
BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER area_version_no_delete BEFORE DELETE ON area_version
BEGIN SELECT RAISE(ABORT, 'append-only'); END;

-- owner: lifecycle/area
CREATE TABLE door (
    id TEXT   PRIMARY KEY,
    n  BIGINT NOT NULL
);

-- entry_readers, exit_readers: JSON lists of reader names, sorted.
-- owner: lifecycle/area
CREATE TABLE door_version (
    id            TEXT   NOT NULL,
    n             BIGINT NOT NULL CHECK (n > 0),
    at            TEXT   NOT NULL,
    actor         TEXT   NOT NULL,
    reason        TEXT   NOT NULL,
    name          TEXT   NOT NULL,
    area          TEXT   NOT NULL,
    controller    TEXT   NOT NULL,
    entry_readers TEXT   NOT NULL,
    exit_readers  TEXT   NOT NULL,
    release_ms    BIGINT NOT NULL CHECK (release_ms BETWEEN 500 AND 30000),
    held_ms       BIGINT NOT NULL CHECK (held_ms BETWEEN 1000 AND 600000),
    salt          BLOB   NOT NULL,
    leaf          BIGINT NOT NULL UNIQUE,
    PRIMARY KEY (id, n)
);

CREATE TRIGGER door_version_no_update BEFORE UPDATE ON door_version
BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER door_version_no_delete BEFORE DELETE ON door_version
BEGIN SELECT RAISE(ABORT, 'append-only'); END;

CREATE INDEX door_version_area ON door_version (area);
CREATE INDEX door_version_controller ON door_version (controller);

-- owner: lifecycle/area
CREATE TABLE schedule (
    id TEXT   PRIMARY KEY,
    n  BIGINT NOT NULL
);

-- windows: JSON list of {day, from, until}.
-- owner: lifecycle/area
CREATE TABLE schedule_version (
    id      TEXT   NOT NULL,
    n       BIGINT NOT NULL CHECK (n > 0),
    at      TEXT   NOT NULL,
    actor   TEXT   NOT NULL,
    reason  TEXT   NOT NULL,
    name    TEXT   NOT NULL,
    windows TEXT   NOT NULL,
    salt    BLOB   NOT NULL,
    leaf    BIGINT NOT NULL UNIQUE,
    PRIMARY KEY (id, n)
);

CREATE TRIGGER schedule_version_no_update BEFORE UPDATE ON schedule_version
BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER schedule_version_no_delete BEFORE DELETE ON schedule_version
BEGIN SELECT RAISE(ABORT, 'append-only'); END;

-- owner: lifecycle/area
CREATE TABLE access_right (
    id TEXT   PRIMARY KEY,
    n  BIGINT NOT NULL
);

-- owner: lifecycle/area
CREATE TABLE access_right_version (
    id          TEXT   NOT NULL,
    n           BIGINT NOT NULL CHECK (n > 0),
    at          TEXT   NOT NULL,
    actor       TEXT   NOT NULL,
    reason      TEXT   NOT NULL,
    person      TEXT   NOT NULL,
    area        TEXT   NOT NULL,
    schedule    TEXT   NOT NULL,
    valid_from  TEXT   NOT NULL,
    valid_until TEXT   NOT NULL,
    state       TEXT   NOT NULL CHECK (state IN ('granted', 'withdrawn')),
    salt        BLOB   NOT NULL,
    leaf        BIGINT NOT NULL UNIQUE,
    PRIMARY KEY (id, n)
);

CREATE TRIGGER access_right_version_no_update BEFORE UPDATE ON access_right_version
BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER access_right_version_no_delete BEFORE DELETE ON access_right_version
BEGIN SELECT RAISE(ABORT, 'append-only'); END;

CREATE INDEX access_right_version_person ON access_right_version (person);
CREATE INDEX access_right_version_area ON access_right_version (area);

CREATE VIEW v_area_area AS
SELECT a.id, a.n, v.name, v.grade, v.record,
       (SELECT COUNT(*) FROM door d JOIN door_version dv ON dv.id = d.id AND dv.n = d.n WHERE dv.area = a.id) AS doors
FROM area a
JOIN area_version v ON v.id = a.id AND v.n = a.n;

CREATE VIEW v_area_door AS
SELECT d.id, d.n, v.name, v.area, av.name AS area_name, v.controller, v.entry_readers, v.exit_readers, v.release_ms, v.held_ms
FROM door d
JOIN door_version v ON v.id = d.id AND v.n = d.n
JOIN area a ON a.id = v.area
JOIN area_version av ON av.id = a.id AND av.n = a.n;

CREATE VIEW v_area_right AS
SELECT r.id, r.n, v.person, v.area, v.schedule, v.valid_from, v.valid_until, v.state,
       COALESCE(p.name, '') AS person_name, av.name AS area_name, COALESCE(sv.name, '') AS schedule_name
FROM access_right r
JOIN access_right_version v ON v.id = r.id AND v.n = r.n
JOIN area a ON a.id = v.area
JOIN area_version av ON av.id = a.id AND av.n = a.n
LEFT JOIN schedule s ON s.id = v.schedule
LEFT JOIN schedule_version sv ON sv.id = s.id AND sv.n = s.n
LEFT JOIN staff st ON st.id = v.person
LEFT JOIN staff_personal p ON p.id = st.id AND p.n = st.n;
