-- Alarms: what needs a person (lifecycle/alarm).

-- An alarm as it stands. controller: empty where several can tell of the same thing.
-- owner: lifecycle/alarm
CREATE TABLE alarm (
    id           TEXT   PRIMARY KEY,
    n            BIGINT NOT NULL,
    kind         TEXT   NOT NULL,
    subject_kind TEXT   NOT NULL,
    subject      TEXT   NOT NULL,
    controller   TEXT   NOT NULL,
    door         TEXT   NOT NULL,
    state        TEXT   NOT NULL,
    raised_at    TEXT   NOT NULL
);

CREATE UNIQUE INDEX alarm_open ON alarm (kind, subject_kind, subject) WHERE state <> 'closed';
CREATE INDEX alarm_open_controller ON alarm (controller) WHERE state <> 'closed';
CREATE INDEX alarm_raised ON alarm (raised_at, id);
CREATE INDEX alarm_subject ON alarm (kind, subject_kind, subject, raised_at);

-- What a person or the program did. first_leaf: of the event or the message that raised it; 0 for what no event says. door, area: where it was
-- first. taken_by, taken_at: who acknowledged it. told: the accounts that the last escalation was sent to, with spaces between them.
-- owner: lifecycle/alarm
CREATE TABLE alarm_version (
    id           TEXT   NOT NULL,
    n            BIGINT NOT NULL CHECK (n > 0),
    at           TEXT   NOT NULL,
    actor        TEXT   NOT NULL,
    reason       TEXT   NOT NULL,
    step         TEXT   NOT NULL CHECK (step IN ('raised', 'acknowledged', 'escalated', 'closed')),
    state        TEXT   NOT NULL CHECK (state IN ('raised', 'acknowledged', 'closed')),
    kind         TEXT   NOT NULL,
    severity     TEXT   NOT NULL CHECK (severity IN ('urgent', 'normal')),
    subject_kind TEXT   NOT NULL CHECK (subject_kind IN ('door', 'device', 'controller', 'person', 'card', 'credential', 'area', 'centre')),
    subject      TEXT   NOT NULL,
    controller   TEXT   NOT NULL,
    door         TEXT   NOT NULL,
    area         TEXT   NOT NULL,
    first_leaf   BIGINT NOT NULL CHECK (first_leaf >= 0),
    raised_at    TEXT   NOT NULL,
    taken_by     TEXT   NOT NULL,
    taken_at     TEXT   NOT NULL,
    escalations  BIGINT NOT NULL CHECK (escalations >= 0),
    escalated_at TEXT   NOT NULL,
    told         TEXT   NOT NULL,
    note         TEXT   NOT NULL,
    salt         BYTEA  NOT NULL,
    leaf         BIGINT NOT NULL UNIQUE,
    PRIMARY KEY (id, n)
);

CREATE TRIGGER alarm_version_append_only BEFORE UPDATE OR DELETE ON alarm_version FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE TRIGGER alarm_version_no_truncate BEFORE TRUNCATE ON alarm_version FOR EACH STATEMENT EXECUTE FUNCTION append_only();

-- How often and how long. It can be made again from the entry log. first_at, last_at: by the controllers' clocks. over_at: when it ended by
-- itself; empty while it lasts.
-- owner: lifecycle/alarm
CREATE TABLE alarm_tally (
    alarm     TEXT   PRIMARY KEY,
    count     BIGINT NOT NULL CHECK (count > 0),
    first_at  TEXT   NOT NULL,
    last_at   TEXT   NOT NULL,
    last_leaf BIGINT NOT NULL,
    over_at   TEXT   NOT NULL
);

-- Which entries are counted in an alarm; of many the first ones. It can be made again from the entry log.
-- owner: lifecycle/alarm
CREATE TABLE alarm_entry (
    alarm TEXT   NOT NULL,
    leaf  BIGINT NOT NULL,
    PRIMARY KEY (alarm, leaf)
);

CREATE VIEW v_alarm_open AS
SELECT a.id, a.kind, a.subject_kind, a.subject, a.controller, a.state, a.raised_at, v.severity, v.escalations, v.escalated_at,
       t.count, t.last_leaf, t.over_at
FROM alarm a
JOIN alarm_version v ON v.id = a.id AND v.n = a.n
JOIN alarm_tally t ON t.alarm = a.id
WHERE a.state <> 'closed';

CREATE VIEW v_alarm_line AS
SELECT a.id, a.n, a.kind, v.severity, a.subject_kind, a.subject, a.controller, a.door, v.area, a.state, v.first_leaf, a.raised_at,
       v.taken_by, v.taken_at, v.escalations, v.escalated_at, v.told, v.note, v.at AS changed_at, v.actor AS changed_by,
       t.count, t.first_at, t.last_at, t.last_leaf, t.over_at,
       COALESCE(dv.name, '') AS door_name, COALESCE(av.name, '') AS area_name, COALESCE(cv.place, '') AS place,
       COALESCE(p.name, '') AS person_name, COALESCE(kv.label, '') AS card_label
FROM alarm a
JOIN alarm_version v ON v.id = a.id AND v.n = a.n
JOIN alarm_tally t ON t.alarm = a.id
LEFT JOIN door d ON d.id = a.door
LEFT JOIN door_version dv ON dv.id = d.id AND dv.n = d.n
LEFT JOIN area r ON r.id = v.area
LEFT JOIN area_version av ON av.id = r.id AND av.n = r.n
LEFT JOIN controller c ON c.id = a.controller
LEFT JOIN controller_version cv ON cv.id = c.id AND cv.n = c.n
LEFT JOIN staff s ON s.id = a.subject AND a.subject_kind = 'person'
LEFT JOIN staff_personal p ON p.id = s.id AND p.n = s.n
LEFT JOIN card k ON k.id = a.subject AND a.subject_kind = 'card'
LEFT JOIN card_version kv ON kv.id = k.id AND kv.n = k.n;

-- How an enrolled controller was heard last.
CREATE VIEW v_alarm_controller AS
SELECT s.controller AS id, s.online, s.seen, s.offset_ms
FROM controller_status s
JOIN controller_identity i ON i.id = s.controller
WHERE i.state = 'enrolled';

-- Who asked to come in, for the rule of repeated refusals.
CREATE VIEW v_alarm_try AS
SELECT e.leaf, e.at, e.kind, e.door, e.area, e.card, e.reason, e.body
FROM event e
WHERE e.kind = 'access_denied' OR (e.kind = 'access_granted' AND e.direction <> 'out');
