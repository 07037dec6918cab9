-- Changes that need a second person (lifecycle/approval).

-- What somebody asked for. subject: id of what changes; about: what it is listed under besides; base: the version it was made from; before, body: JSON.
-- owner: lifecycle/approval
CREATE TABLE approval_request (
    id        TEXT   PRIMARY KEY,
    at        TEXT   NOT NULL,
    applicant TEXT   NOT NULL,
    reason    TEXT   NOT NULL,
    register  TEXT   NOT NULL,
    kind      TEXT   NOT NULL,
    subject   TEXT   NOT NULL,
    about     TEXT   NOT NULL,
    base      BIGINT NOT NULL,
    before    TEXT   NOT NULL,
    body      TEXT   NOT NULL,
    salt      BLOB   NOT NULL,
    leaf      BIGINT NOT NULL UNIQUE
);

CREATE TRIGGER approval_request_no_update BEFORE UPDATE ON approval_request
BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER approval_request_no_delete BEFORE DELETE ON approval_request
BEGIN SELECT RAISE(ABORT, 'append-only'); END;

CREATE INDEX approval_request_about ON approval_request (about, leaf);

-- What became of it: one decision each, for good.
-- owner: lifecycle/approval
CREATE TABLE approval_decision (
    id      TEXT   PRIMARY KEY,
    at      TEXT   NOT NULL,
    decider TEXT   NOT NULL,
    state   TEXT   NOT NULL CHECK (state IN ('approved', 'refused', 'withdrawn', 'stale')),
    note    TEXT   NOT NULL,
    salt    BLOB   NOT NULL,
    leaf    BIGINT NOT NULL UNIQUE
);

CREATE TRIGGER approval_decision_no_update BEFORE UPDATE ON approval_decision
BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER approval_decision_no_delete BEFORE DELETE ON approval_decision
BEGIN SELECT RAISE(ABORT, 'append-only'); END;

CREATE VIEW v_approval_line AS
SELECT r.leaf, r.id, r.at, r.applicant, r.reason, r.register, r.kind, r.subject, r.about, r.base, r.before, r.body,
       COALESCE(d.state, 'pending') AS state, COALESCE(d.decider, '') AS decider, COALESCE(d.at, '') AS decided_at, COALESCE(d.note, '') AS note
FROM approval_request r
LEFT JOIN approval_decision d ON d.id = r.id;
