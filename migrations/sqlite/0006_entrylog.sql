-- The entry log (lifecycle/entrylog).

-- body: the exact bytes the controller chained; the other columns are taken from them to search and join by.
-- owner: lifecycle/entrylog
CREATE TABLE event (
    leaf       INTEGER PRIMARY KEY,
    controller TEXT    NOT NULL,
    epoch      BIGINT  NOT NULL CHECK (epoch > 0),
    seq        BIGINT  NOT NULL CHECK (seq > 0),
    at         TEXT    NOT NULL,
    received   TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    door       TEXT    NOT NULL,
    area       TEXT    NOT NULL,
    person     TEXT    NOT NULL,
    card       TEXT    NOT NULL,
    direction  TEXT    NOT NULL,
    reason     TEXT    NOT NULL,
    body       BLOB    NOT NULL,
    salt       BLOB    NOT NULL,
    UNIQUE (controller, epoch, seq)
);

CREATE TRIGGER event_no_update BEFORE UPDATE ON event
BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER event_no_delete BEFORE DELETE ON event
BEGIN SELECT RAISE(ABORT, 'append-only'); END;

CREATE INDEX event_kind ON event (kind, leaf) WHERE kind <> '';
CREATE INDEX event_door ON event (door, leaf) WHERE door <> '';
CREATE INDEX event_person ON event (person, leaf) WHERE person <> '';

-- How far the log goes, by controller and epoch: the last number and the chain hash after it.
-- owner: lifecycle/entrylog
CREATE TABLE event_head (
    controller TEXT   NOT NULL,
    epoch      BIGINT NOT NULL,
    seq        BIGINT NOT NULL,
    hash       BLOB   NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (controller, epoch)
);

-- Who is where, by the last passage of each person in each area. It can be made again from event.
-- owner: lifecycle/entrylog
CREATE TABLE presence (
    person TEXT    NOT NULL,
    area   TEXT    NOT NULL,
    inside INTEGER NOT NULL,
    at     TEXT    NOT NULL,
    door   TEXT    NOT NULL,
    PRIMARY KEY (person, area)
);

-- What came and could not be believed. body: its first 4,096 bytes; size and sha256 are of the whole.
-- owner: lifecycle/entrylog
CREATE TABLE quarantine (
    leaf       INTEGER PRIMARY KEY,
    controller TEXT    NOT NULL,
    at         TEXT    NOT NULL,
    reason     TEXT    NOT NULL,
    mark       TEXT    NOT NULL UNIQUE,
    detail     TEXT    NOT NULL,
    size       BIGINT  NOT NULL,
    sha256     TEXT    NOT NULL,
    body       BLOB    NOT NULL,
    salt       BLOB    NOT NULL
);

CREATE TRIGGER quarantine_no_update BEFORE UPDATE ON quarantine
BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER quarantine_no_delete BEFORE DELETE ON quarantine
BEGIN SELECT RAISE(ABORT, 'append-only'); END;

CREATE INDEX quarantine_at ON quarantine (controller, at);

-- How often, also where no row was kept.
-- owner: lifecycle/entrylog
CREATE TABLE quarantine_count (
    controller TEXT   NOT NULL,
    reason     TEXT   NOT NULL,
    n          BIGINT NOT NULL,
    last       TEXT   NOT NULL,
    PRIMARY KEY (controller, reason)
);

CREATE VIEW v_entrylog_live AS
SELECT e.leaf AS id, e.controller, e.received, e.kind, e.door, e.area, e.person, e.card, e.body,
       COALESCE(dv.name, '') AS door_name, COALESCE(av.name, '') AS area_name,
       COALESCE(p.name, '') AS person_name, COALESCE(cv.label, '') AS card_label
FROM event e
LEFT JOIN door d ON d.id = e.door
LEFT JOIN door_version dv ON dv.id = d.id AND dv.n = d.n
LEFT JOIN area a ON a.id = e.area
LEFT JOIN area_version av ON av.id = a.id AND av.n = a.n
LEFT JOIN staff s ON s.id = e.person
LEFT JOIN staff_personal p ON p.id = s.id AND p.n = s.n
LEFT JOIN card c ON c.id = e.card
LEFT JOIN card_version cv ON cv.id = c.id AND cv.n = c.n;

CREATE VIEW v_entrylog_present AS
SELECT pr.person, pr.area, pr.at, pr.door,
       COALESCE(p.name, '') AS person_name, COALESCE(av.name, '') AS area_name,
       COALESCE((SELECT MAX(CASE WHEN dv.exit_readers <> '[]' THEN 1 ELSE 0 END)
                 FROM door d JOIN door_version dv ON dv.id = d.id AND dv.n = d.n
                 WHERE dv.area = pr.area), 0) AS exit_measured
FROM presence pr
LEFT JOIN staff s ON s.id = pr.person
LEFT JOIN staff_personal p ON p.id = s.id AND p.n = s.n
LEFT JOIN area a ON a.id = pr.area
LEFT JOIN area_version av ON av.id = a.id AND av.n = a.n
WHERE pr.inside = 1;
