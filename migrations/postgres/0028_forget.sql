-- A command may also have an area's controllers forget where somebody, or everybody, is (lifecycle/command). Rows from before have NULL, so their hashes stay
-- what they were.

-- area: of a forget, whose door is empty. person: empty for everybody.
ALTER TABLE door_command ADD COLUMN area TEXT;
ALTER TABLE door_command ADD COLUMN person TEXT;
ALTER TABLE door_command DROP CONSTRAINT door_command_op_check;
ALTER TABLE door_command ADD CONSTRAINT door_command_op_check CHECK (op IN ('release', 'forget'));

CREATE INDEX door_command_area ON door_command (area, leaf);

CREATE VIEW v_command_area AS
SELECT a.id, COALESCE(c.id, '') AS controller, COALESCE(c.state, '') AS state, COALESCE(c.online, 0) AS online
FROM area a
LEFT JOIN v_device_area_controller ac ON ac.area = a.id
LEFT JOIN v_device_controller c ON c.id = ac.controller;

CREATE VIEW v_command_person AS
SELECT id FROM staff;

DROP VIEW v_command_line;
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
