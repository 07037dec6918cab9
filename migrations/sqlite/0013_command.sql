-- Commands to doors from afar (lifecycle/command).

-- What was ordered. It is kept before anything is sent.
-- owner: lifecycle/command
CREATE TABLE door_command (
    id         TEXT   PRIMARY KEY,
    at         TEXT   NOT NULL,
    actor      TEXT   NOT NULL,
    reason     TEXT   NOT NULL CHECK (reason <> ''),
    op         TEXT   NOT NULL CHECK (op IN ('release')),
    door       TEXT   NOT NULL,
    controller TEXT   NOT NULL,
    salt       BLOB   NOT NULL,
    leaf       BIGINT NOT NULL UNIQUE
);

CREATE TRIGGER door_command_no_update BEFORE UPDATE ON door_command
BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER door_command_no_delete BEFORE DELETE ON door_command
BEGIN SELECT RAISE(ABORT, 'append-only'); END;

CREATE INDEX door_command_door ON door_command (door, leaf);

-- What became of it. A command without an outcome was under way when the centre stopped.
-- owner: lifecycle/command
CREATE TABLE door_command_outcome (
    id      TEXT   PRIMARY KEY,
    at      TEXT   NOT NULL,
    outcome TEXT   NOT NULL CHECK (outcome IN ('done', 'refused', 'unanswered')),
    detail  TEXT   NOT NULL,
    took_us BIGINT NOT NULL,
    salt    BLOB   NOT NULL,
    leaf    BIGINT NOT NULL UNIQUE
);

CREATE TRIGGER door_command_outcome_no_update BEFORE UPDATE ON door_command_outcome
BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER door_command_outcome_no_delete BEFORE DELETE ON door_command_outcome
BEGIN SELECT RAISE(ABORT, 'append-only'); END;

CREATE VIEW v_command_door AS
SELECT d.id, v.controller, c.state, COALESCE(c.online, 0) AS online
FROM door d
JOIN door_version v ON v.id = d.id AND v.n = d.n
JOIN v_device_controller c ON c.id = v.controller;

CREATE VIEW v_command_line AS
SELECT c.leaf, c.id, c.at, c.actor, c.reason, c.op, c.door, c.controller, COALESCE(dv.name, '') AS door_name,
       COALESCE(o.outcome, '') AS outcome, COALESCE(o.detail, '') AS detail, COALESCE(o.took_us, 0) AS took_us
FROM door_command c
LEFT JOIN door_command_outcome o ON o.id = c.id
LEFT JOIN door d ON d.id = c.door
LEFT JOIN door_version dv ON dv.id = d.id AND dv.n = d.n;
