-- Rules of areas, and what they need of people, doors and rights (lifecycle/area, lockdown, grade and staff). A column added to a table of versions is NULL in
-- those that were there, and so changes nothing of what was bound.

-- owner: the member of staff who is responsible. rules: JSON of access.Rules without the schedule, which stands in unlock. approved_by: the second
-- person, "set-up", or NULL where one was enough.
ALTER TABLE area_version ADD COLUMN owner TEXT;
ALTER TABLE area_version ADD COLUMN rules TEXT;
ALTER TABLE area_version ADD COLUMN unlock TEXT;
ALTER TABLE area_version ADD COLUMN approved_by TEXT;
ALTER TABLE door_version ADD COLUMN interlock TEXT;
ALTER TABLE door_version ADD COLUMN approved_by TEXT;
ALTER TABLE schedule_version ADD COLUMN approved_by TEXT;
ALTER TABLE access_right_version ADD COLUMN escort INTEGER CHECK (escort IN (0, 1));
ALTER TABLE access_right_version ADD COLUMN first_in INTEGER CHECK (first_in IN (0, 1));
ALTER TABLE access_right_version ADD COLUMN lockdown INTEGER CHECK (lockdown IN (0, 1));
ALTER TABLE access_right_version ADD COLUMN approved_by TEXT;

-- class: NULL for staff. number: typed at a keypad before a PIN, nobody else's.
ALTER TABLE staff_version ADD COLUMN class TEXT CHECK (class IN ('staff', 'contractor', 'visitor'));
ALTER TABLE staff_version ADD COLUMN number TEXT;
ALTER TABLE staff ADD COLUMN number TEXT;
CREATE UNIQUE INDEX staff_number ON staff (number) WHERE number <> '';

-- Which areas are locked down.
-- owner: lifecycle/lockdown
CREATE TABLE lockdown (
    id TEXT   PRIMARY KEY,
    n  BIGINT NOT NULL
);

-- owner: lifecycle/lockdown
CREATE TABLE lockdown_version (
    id     TEXT   NOT NULL,
    n      BIGINT NOT NULL CHECK (n > 0),
    at     TEXT   NOT NULL,
    actor  TEXT   NOT NULL,
    reason TEXT   NOT NULL,
    state  TEXT   NOT NULL CHECK (state IN ('on', 'off')),
    salt   BLOB   NOT NULL,
    leaf   BIGINT NOT NULL UNIQUE,
    PRIMARY KEY (id, n)
);

CREATE TRIGGER lockdown_version_no_update BEFORE UPDATE ON lockdown_version
BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER lockdown_version_no_delete BEFORE DELETE ON lockdown_version
BEGIN SELECT RAISE(ABORT, 'append-only'); END;

-- What the city asks of every area of a grade at least. id: the grade; one that is not here asks for a card.
-- owner: lifecycle/grade
CREATE TABLE grade (
    id TEXT   PRIMARY KEY,
    n  BIGINT NOT NULL
);

-- owner: lifecycle/grade
CREATE TABLE grade_version (
    id          TEXT   NOT NULL CHECK (id IN ('1', '2', '3')),
    n           BIGINT NOT NULL CHECK (n > 0),
    at          TEXT   NOT NULL,
    actor       TEXT   NOT NULL,
    reason      TEXT   NOT NULL,
    factors     TEXT   NOT NULL,
    trust       TEXT   NOT NULL,
    approved_by TEXT,
    salt        BLOB   NOT NULL,
    leaf        BIGINT NOT NULL UNIQUE,
    PRIMARY KEY (id, n)
);

CREATE TRIGGER grade_version_no_update BEFORE UPDATE ON grade_version
BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER grade_version_no_delete BEFORE DELETE ON grade_version
BEGIN SELECT RAISE(ABORT, 'append-only'); END;

DROP VIEW v_area_area;
CREATE VIEW v_area_area AS
SELECT a.id, a.n, v.name, v.grade, v.record,
       (SELECT COUNT(*) FROM door d JOIN door_version dv ON dv.id = d.id AND dv.n = d.n WHERE dv.area = a.id) AS doors,
       COALESCE(v.owner, '') AS owner, COALESCE(p.name, '') AS owner_name, COALESCE(v.rules, '{}') AS rules, COALESCE(v.unlock, '') AS unlock,
       CASE WHEN lv.state = 'on' THEN 1 ELSE 0 END AS lockdown, COALESCE(lv.at, '') AS lockdown_at, COALESCE(lv.actor, '') AS lockdown_by,
       COALESCE(lv.reason, '') AS lockdown_reason
FROM area a
JOIN area_version v ON v.id = a.id AND v.n = a.n
LEFT JOIN staff st ON st.id = v.owner
LEFT JOIN staff_personal p ON p.id = st.id AND p.n = st.n
LEFT JOIN lockdown l ON l.id = a.id
LEFT JOIN lockdown_version lv ON lv.id = l.id AND lv.n = l.n;

DROP VIEW v_area_door;
CREATE VIEW v_area_door AS
SELECT d.id, d.n, v.name, v.area, av.name AS area_name, v.controller, v.entry_readers, v.exit_readers, v.release_ms, v.held_ms,
       COALESCE(v.interlock, '') AS interlock
FROM door d
JOIN door_version v ON v.id = d.id AND v.n = d.n
JOIN area a ON a.id = v.area
JOIN area_version av ON av.id = a.id AND av.n = a.n;

DROP VIEW v_area_right;
CREATE VIEW v_area_right AS
SELECT r.id, r.n, v.person, v.area, v.schedule, v.valid_from, v.valid_until, v.state,
       COALESCE(p.name, '') AS person_name, av.name AS area_name, COALESCE(sv.name, '') AS schedule_name,
       COALESCE(v.escort, 0) AS escort, COALESCE(v.first_in, 0) AS first_in, COALESCE(v.lockdown, 0) AS lockdown
FROM access_right r
JOIN access_right_version v ON v.id = r.id AND v.n = r.n
JOIN area a ON a.id = v.area
JOIN area_version av ON av.id = a.id AND av.n = a.n
LEFT JOIN schedule s ON s.id = v.schedule
LEFT JOIN schedule_version sv ON sv.id = s.id AND sv.n = s.n
LEFT JOIN staff st ON st.id = v.person
LEFT JOIN staff_personal p ON p.id = st.id AND p.n = st.n;

DROP VIEW v_staff_member;
CREATE VIEW v_staff_member AS
SELECT s.id, s.n, v.section, v.valid_from, v.valid_until,
       COALESCE(p.name, '') AS name, COALESCE(p.kana, '') AS kana,
       (SELECT COUNT(*) FROM card_version cv JOIN card c ON c.id = cv.id AND c.n = cv.n
        WHERE cv.person = s.id AND cv.state IN ('issued', 'suspended')) AS cards,
       COALESCE(v.class, 'staff') AS class, COALESCE(v.number, '') AS number
FROM staff s
JOIN staff_version v ON v.id = s.id AND v.n = s.n
LEFT JOIN staff_personal p ON p.id = s.id AND p.n = s.n;

-- On whom areas rely as members of staff: escorts, and who is responsible or may come to repair.
CREATE VIEW v_staff_escort AS
SELECT v.person
FROM access_right r
JOIN access_right_version v ON v.id = r.id AND v.n = r.n
WHERE v.state = 'granted' AND v.escort = 1;

CREATE VIEW v_staff_named AS
SELECT COALESCE(v.owner, '') AS owner, COALESCE(v.rules, '{}') AS rules
FROM area a
JOIN area_version v ON v.id = a.id AND v.n = a.n;

CREATE VIEW v_grade_area AS
SELECT a.id, v.grade, COALESCE(v.rules, '{}') AS rules
FROM area a
JOIN area_version v ON v.id = a.id AND v.n = a.n;

CREATE VIEW v_lockdown_area AS
SELECT a.id, COALESCE(v.state, 'off') AS state
FROM area a
LEFT JOIN lockdown l ON l.id = a.id
LEFT JOIN lockdown_version v ON v.id = l.id AND v.n = l.n;

-- Which areas use a schedule, for a right or to stand unlocked.
CREATE VIEW v_device_schedule AS
SELECT schedule, area FROM v_device_right
UNION
SELECT v.unlock, a.id
FROM area a
JOIN area_version v ON v.id = a.id AND v.n = a.n
WHERE v.unlock <> '';

DROP VIEW v_policy_door;
CREATE VIEW v_policy_door AS
SELECT d.id, v.name, v.area, v.controller, v.entry_readers, v.exit_readers, v.release_ms, v.held_ms, COALESCE(v.interlock, '') AS interlock
FROM door d
JOIN door_version v ON v.id = d.id AND v.n = d.n;

DROP VIEW v_policy_area;
CREATE VIEW v_policy_area AS
SELECT ac.controller, a.id, v.name, v.grade, v.record, COALESCE(v.rules, '{}') AS rules, COALESCE(v.unlock, '') AS unlock,
       CASE WHEN lv.state = 'on' THEN 1 ELSE 0 END AS lockdown
FROM v_device_area_controller ac
JOIN area a ON a.id = ac.area
JOIN area_version v ON v.id = a.id AND v.n = a.n
LEFT JOIN lockdown l ON l.id = a.id
LEFT JOIN lockdown_version lv ON lv.id = l.id AND lv.n = l.n;

DROP VIEW v_policy_right;
CREATE VIEW v_policy_right AS
SELECT ac.controller, r.id, v.person, v.area, v.schedule, v.valid_from, v.valid_until,
       COALESCE(v.escort, 0) AS escort, COALESCE(v.first_in, 0) AS first_in, COALESCE(v.lockdown, 0) AS lockdown
FROM v_device_area_controller ac
JOIN access_right_version v ON v.area = ac.area
JOIN access_right r ON r.id = v.id AND r.n = v.n
WHERE v.state = 'granted';

CREATE VIEW v_policy_use AS
SELECT ac.controller, u.schedule
FROM v_device_schedule u
JOIN v_device_area_controller ac ON ac.area = u.area;

DROP VIEW v_policy_schedule;
CREATE VIEW v_policy_schedule AS
SELECT DISTINCT u.controller, s.id, v.name, v.windows
FROM v_policy_use u
JOIN schedule s ON s.id = u.schedule
JOIN schedule_version v ON v.id = s.id AND v.n = s.n;

DROP VIEW v_policy_staff;
CREATE VIEW v_policy_staff AS
SELECT s.id, v.valid_from, v.valid_until, COALESCE(v.class, 'staff') AS class, COALESCE(v.number, '') AS number
FROM staff s
JOIN staff_version v ON v.id = s.id AND v.n = s.n;
