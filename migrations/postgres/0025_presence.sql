-- Who is inside, since when, from what evidence (lifecycle/entrylog).

DROP VIEW v_entrylog_present;
DROP TABLE presence;

-- The last passage of each person in each area. It can be made again from event, and is when presence_rules says otherwise than the program.
-- proof: what is known beside the grant.
-- owner: lifecycle/entrylog
CREATE TABLE presence (
    person TEXT    NOT NULL,
    area   TEXT    NOT NULL,
    inside INTEGER NOT NULL,
    at     TEXT    NOT NULL,
    door   TEXT    NOT NULL,
    proof  TEXT    NOT NULL CHECK (proof IN ('opened', 'granted')),
    PRIMARY KEY (person, area)
);

-- The grants of a controller that wait for their doors, as JSON; made again with presence.
-- owner: lifecycle/entrylog
CREATE TABLE presence_waiting (
    controller TEXT PRIMARY KEY,
    state      TEXT NOT NULL
);

-- When a controller last said of many that they are outside, or that they are not held to be inside. An empty person is everybody, an empty area all that the
-- controller has doors to. Made again with presence.
-- owner: lifecycle/entrylog
CREATE TABLE presence_mark (
    controller TEXT    NOT NULL,
    person     TEXT    NOT NULL,
    area       TEXT    NOT NULL,
    doubt      INTEGER NOT NULL,
    at         TEXT    NOT NULL,
    PRIMARY KEY (controller, person, area, doubt)
);

-- By which rules presence was made. No row: by older ones than these.
-- owner: lifecycle/entrylog
CREATE TABLE presence_rules (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    rules BIGINT  NOT NULL
);

-- What somebody said of who went in or out.
-- owner: lifecycle/entrylog
CREATE TABLE presence_hand (
    leaf   BIGINT  PRIMARY KEY,
    person TEXT    NOT NULL,
    area   TEXT    NOT NULL,
    inside INTEGER NOT NULL CHECK (inside IN (0, 1)),
    at     TEXT    NOT NULL,
    reason TEXT    NOT NULL CHECK (reason <> ''),
    actor  TEXT    NOT NULL,
    salt   BYTEA   NOT NULL
);

CREATE TRIGGER presence_hand_append_only BEFORE UPDATE OR DELETE ON presence_hand FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE TRIGGER presence_hand_no_truncate BEFORE TRUNCATE ON presence_hand FOR EACH STATEMENT EXECUTE FUNCTION append_only();

CREATE INDEX presence_hand_person ON presence_hand (person, area, leaf);

CREATE VIEW v_entrylog_hand AS
SELECT h.person, h.area, h.inside, h.at
FROM presence_hand h
WHERE h.leaf = (SELECT MAX(l.leaf) FROM presence_hand l WHERE l.person = h.person AND l.area = h.area);

CREATE VIEW v_entrylog_person AS
SELECT s.id, COALESCE(p.name, '') AS name
FROM staff s
LEFT JOIN staff_personal p ON p.id = s.id AND p.n = s.n;

CREATE VIEW v_entrylog_area AS
SELECT a.id, av.name,
       COALESCE((SELECT MIN(CASE WHEN dv.entry_readers <> '[]' AND dv.exit_readers <> '[]' THEN 1 ELSE 0 END)
                 FROM door d JOIN door_version dv ON dv.id = d.id AND dv.n = d.n
                 WHERE dv.area = a.id), 0) AS both_ways
FROM area a
JOIN area_version av ON av.id = a.id AND av.n = a.n;

CREATE VIEW v_entrylog_door AS
SELECT d.id, dv.name
FROM door d
JOIN door_version dv ON dv.id = d.id AND dv.n = d.n;

-- How far the log goes for the controllers of an area. missing: events that it has made and the log has not; last_at, last_received: of the last
-- event in the log.
CREATE VIEW v_entrylog_source AS
SELECT ac.area, ac.controller, COALESCE(s.online, 0) AS online, COALESCE(s.seen, '') AS seen,
       COALESCE(s.last_seq, 0) - COALESCE(h.seq, 0) AS missing, COALESCE(e.at, '') AS last_at, COALESCE(e.received, '') AS last_received
FROM (SELECT DISTINCT dv.area, dv.controller FROM door d JOIN door_version dv ON dv.id = d.id AND dv.n = d.n) ac
LEFT JOIN controller_status s ON s.controller = ac.controller
LEFT JOIN event_head h ON h.controller = s.controller AND h.epoch = s.epoch
LEFT JOIN event e ON e.controller = h.controller AND e.epoch = h.epoch AND e.seq = h.seq;
