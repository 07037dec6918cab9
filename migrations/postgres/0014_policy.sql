-- What the compiler of policies reads (api/policy): people and cards are the same for every controller with a door, so they are read
-- once for all, and again when v_policy_state says that a register has changed.

DROP VIEW v_policy_card;
DROP VIEW v_policy_person;

CREATE VIEW v_policy_staff AS
SELECT s.id, v.valid_from, v.valid_until
FROM staff s
JOIN staff_version v ON v.id = s.id AND v.n = s.n;

CREATE VIEW v_policy_card AS
SELECT c.id, v.credential_key, v.person, v.state, v.valid_from, v.valid_until
FROM card c
JOIN card_version v ON v.id = c.id AND v.n = c.n
WHERE v.state IN ('issued', 'suspended', 'revoked');

-- Versions are only ever added, each with a higher leaf.
CREATE VIEW v_policy_state AS
SELECT (SELECT COALESCE(MAX(leaf), -1) FROM staff_version) AS staff, (SELECT COALESCE(MAX(leaf), -1) FROM card_version) AS card;
