-- How long people of the class staff are let in without the centre, by the policy in force at a controller: its own word. 0: it did not say.
ALTER TABLE controller_status ADD COLUMN lease_s BIGINT NOT NULL DEFAULT 0;

-- What a controller last said of itself that tells until when it may let people in.
CREATE VIEW v_device_said AS
SELECT controller, seen, policy_n, lease_s, revoked_epoch, revoked_n, revoked_hash FROM controller_status;

DROP VIEW v_revocation_line;

CREATE VIEW v_revocation_line AS
SELECT c.id, c.place, COALESCE(c.online, 0) AS online, c.leased_at, COALESCE(s.seen, '') AS seen, COALESCE(s.policy_n, 0) AS policy_n,
       COALESCE(s.lease_s, 0) AS lease_s, COALESCE(s.revoked_epoch, 0) AS revoked_epoch, COALESCE(s.revoked_n, 0) AS revoked_n,
       COALESCE(s.revoked_hash, '') AS revoked_hash
FROM v_device_controller c
LEFT JOIN v_device_said s ON s.controller = c.id;
