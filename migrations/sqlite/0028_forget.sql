-- A command may also have an area's controllers forget where somebody, or everybody, is (lifecycle/command). Rows from before have NULL, so their hashes stay
-- what they were. The table is made anew, because its check cannot be changed.
DROP VIEW v_command_line;
ALTER TABLE door_command RENAME TO door_command_before;

-- area: of a forget, whose door is empty. person: empty for everybody.
-- owner: lifecycle/command
CREATE TABLE door_command (
    id         TEXT   PRIMARY KEY,
    at         TEXT   NOT NULL,
    actor      TEXT   NOT NULL,
    reason     TEXT   NOT NULL CHECK (reason <> ''),
    op         TEXT   NOT NULL CHECK (op IN ('release', 'forget')),
    door       TEXT   NOT NULL,
    controller TEXT   NOT NULL,
    salt       BLOB   NOT NULL,
    leaf       BIGINT NOT NULL UNIQUE,
    area       TEXT,
    person     TEXT
);

INSERT INTO door_command (id, at, actor, reason, op, door, controller, salt, leaf)
SELECT id, at, actor, reason, op, door, controller, salt, leaf FROM door_command_before;
DROP TABLE door_command_before;

CREATE TRIGGER door_command_no_update BEFORE UPDATE ON door_command
BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER door_command_no_delete BEFORE DELETE ON door_command
BEGIN SELECT RAISE(ABORT, 'append-only'); END;

CREATE INDEX door_command_door ON door_command (door, leaf);
CREATE INDEX door_command_area ON door_command (area, leaf);

CREATE VIEW v_command_area AS
SELECT a.id, COALESCE(c.id, '') AS controller, COALESCE(c.state, '') AS state, COALESCE(c.online, 0) AS online
FROM area a
LEFT JOIN v_device_area_controller ac ON ac.area = a.id
LEFT JOIN v_device_controller c ON c.id = ac.controller;

CREATE VIEW v_command_person AS
SELECT id FROM staff;

CREATE VIEW v_command_line AS
SELECT c.leaf, c.id, c.at, c.actor, c.reason, c.op, c.door, c.controller, COALESCE(dv.name, '') AS door_name,
       COALESCE(c.area, '') AS area, COALESCE(c.person, '') AS person, COALESCE(p.name, '') AS person_name,
       COALESCE(o.outcome, '') AS outcome, COALESCE(o.detail, '') AS detail, COALESCE(o.took_us, 0) AS took_us
FROM door_command c
LEFT JOIN door_command_outcome o ON o.id = c.id
LEFT JOIN door d ON d.id = c.door
LEFT JOIN door_version dv ON dv.id = d.id AND dv.n = d.n
LEFT JOIN staff s ON s.id = c.person
LEFT JOIN staff_personal p ON p.id = s.id AND p.n = s.n;

-- The last warning that was given before the PIN's end, in days; NULL: none yet (lifecycle/pin).
ALTER TABLE pin ADD COLUMN warned INTEGER;
