-- What the compiler of policies reads (api/policy): the registers as they stand, by controller.

CREATE VIEW v_policy_door AS
SELECT d.id, v.name, v.area, v.controller, v.entry_readers, v.exit_readers, v.release_ms, v.held_ms
FROM door d
JOIN door_version v ON v.id = d.id AND v.n = d.n;

CREATE VIEW v_policy_area AS
SELECT ac.controller, a.id, v.name, v.grade, v.record
FROM v_device_area_controller ac
JOIN area a ON a.id = ac.area
JOIN area_version v ON v.id = a.id AND v.n = a.n;

CREATE VIEW v_policy_right AS
SELECT ac.controller, r.id, v.person, v.area, v.schedule, v.valid_from, v.valid_until
FROM v_device_area_controller ac
JOIN access_right_version v ON v.area = ac.area
JOIN access_right r ON r.id = v.id AND r.n = v.n
WHERE v.state = 'granted';

CREATE VIEW v_policy_schedule AS
SELECT DISTINCT pr.controller, s.id, v.name, v.windows
FROM v_policy_right pr
JOIN schedule s ON s.id = pr.schedule
JOIN schedule_version v ON v.id = s.id AND v.n = s.n;

-- Whoever holds a card is known at every controller that has a door, so that a refusal can say why ("no right here")
-- and whose card it was, instead of "unknown card".
CREATE VIEW v_policy_person AS
SELECT ac.controller, s.id, v.valid_from, v.valid_until
FROM (SELECT DISTINCT controller FROM v_device_area_controller) ac
CROSS JOIN staff s
JOIN staff_version v ON v.id = s.id AND v.n = s.n
WHERE EXISTS (SELECT 1 FROM card_version cv JOIN card c ON c.id = cv.id AND c.n = cv.n
              WHERE cv.person = s.id AND cv.state IN ('issued', 'suspended', 'revoked'))
   OR EXISTS (SELECT 1 FROM v_policy_right pr WHERE pr.person = s.id AND pr.controller = ac.controller);

CREATE VIEW v_policy_card AS
SELECT pp.controller, c.id, v.credential_key, v.person, v.state, v.valid_from, v.valid_until
FROM v_policy_person pp
JOIN card_version v ON v.person = pp.id
JOIN card c ON c.id = v.id AND c.n = v.n
WHERE v.state IN ('issued', 'suspended', 'revoked');

CREATE VIEW v_policy_wanted AS
SELECT p.controller, e.epoch AS wanted_epoch, p.n AS wanted_n
FROM controller_policy p
JOIN centre_epoch e ON e.id = 1;

CREATE VIEW v_policy_target AS
SELECT p.controller, e.epoch AS wanted_epoch, p.n AS wanted_n, s.online, s.policy_epoch, s.policy_n, s.policy_hash
FROM controller_policy p
JOIN centre_epoch e ON e.id = 1
JOIN controller_status s ON s.controller = p.controller;
