-- Schedules know holidays and special days (lifecycle/area). Versions from before have NULL, which is no: their hashes stay what they were.
ALTER TABLE schedule_version ADD COLUMN holidays BIGINT CHECK (holidays IN (0, 1));

-- JSON list of {date, windows: [{from, until}]}, null when there are none.
ALTER TABLE schedule_version ADD COLUMN special TEXT;

CREATE VIEW v_policy_timetable AS
SELECT s.id, COALESCE(v.holidays, 0) AS holidays, COALESCE(v.special, 'null') AS special
FROM schedule s
JOIN schedule_version v ON v.id = s.id AND v.n = s.n;
