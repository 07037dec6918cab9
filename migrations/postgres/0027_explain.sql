-- What a past policy was made from (api/policy), and the registers as they stood at any leaf of the ledger (api/explain).

-- For each version of a controller's policy how many leaves the ledger had when it was compiled: what it was made of stands before that leaf.
-- owner: api/policy
CREATE TABLE policy_made (
    controller TEXT   NOT NULL,
    epoch      BIGINT NOT NULL,
    n          BIGINT NOT NULL,
    size       BIGINT NOT NULL CHECK (size >= 0),
    at         TEXT   NOT NULL,
    PRIMARY KEY (controller, epoch, n)
);

CREATE TRIGGER policy_made_append_only BEFORE UPDATE OR DELETE ON policy_made FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE TRIGGER policy_made_no_truncate BEFORE TRUNCATE ON policy_made FOR EACH STATEMENT EXECUTE FUNCTION append_only();

CREATE VIEW v_policy_ledger AS
SELECT COALESCE(MAX(size), 0) AS size FROM ledger_head;

CREATE VIEW v_explain_made AS
SELECT controller, epoch, n, size FROM policy_made;

CREATE VIEW v_explain_area AS
SELECT id, n, leaf, name, grade, record, COALESCE(rules, '{}') AS rules, COALESCE(unlock, '') AS unlock FROM area_version;

CREATE VIEW v_explain_door AS
SELECT id, n, leaf, name, area, controller, entry_readers, exit_readers, release_ms, held_ms, COALESCE(interlock, '') AS interlock FROM door_version;

CREATE VIEW v_explain_right AS
SELECT id, n, leaf, person, area, schedule, valid_from, valid_until, state,
       COALESCE(escort, 0) AS escort, COALESCE(first_in, 0) AS first_in, COALESCE(lockdown, 0) AS lockdown
FROM access_right_version;

CREATE VIEW v_explain_schedule AS
SELECT id, n, leaf, name, windows, COALESCE(holidays, 0) AS holidays, COALESCE(special, 'null') AS special FROM schedule_version;

CREATE VIEW v_explain_person AS
SELECT v.id, v.n, v.leaf, v.valid_from, v.valid_until, COALESCE(v.class, 'staff') AS class, COALESCE(v.number, '') AS number, COALESCE(p.name, '') AS name
FROM staff_version v
JOIN staff s ON s.id = v.id
LEFT JOIN staff_personal p ON p.id = s.id AND p.n = s.n;

CREATE VIEW v_explain_card AS
SELECT id, n, leaf, label, person, state, valid_from, valid_until, credential_key FROM card_version;

CREATE VIEW v_explain_pin AS
SELECT id, n, leaf, person, area, state, pin_key, duress_key, expires FROM pin_version;

CREATE VIEW v_explain_lockdown AS
SELECT id, n, leaf, state FROM lockdown_version;

CREATE VIEW v_explain_revocation AS
SELECT epoch, n, leaf, card, credential_key, state FROM revocation;

CREATE VIEW v_explain_applied AS
SELECT leaf, controller, epoch, seq, card, body FROM event WHERE kind = 'revocation_applied';

CREATE VIEW v_explain_event AS
SELECT leaf, controller, body FROM event;
