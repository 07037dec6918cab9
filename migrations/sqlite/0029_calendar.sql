-- A day of the city's own that opens a graded area for longer needs two people (lifecycle/calendar). approved_by: the second person, "set-up", or NULL where one
-- was enough, and so in the versions that were there, whose hashes stay what they were.
ALTER TABLE calendar_day_version ADD COLUMN approved_by TEXT;

-- Timetables as the register of days reads them.
CREATE VIEW v_calendar_schedule AS
SELECT s.id, s.n, v.name, v.windows, COALESCE(v.holidays, 0) AS holidays, COALESCE(v.special, 'null') AS special
FROM schedule s
JOIN schedule_version v ON v.id = s.id AND v.n = s.n;

-- Which graded areas use a timetable, for a right or to stand unlocked.
CREATE VIEW v_calendar_use AS
SELECT u.schedule, a.id AS area, v.name AS area_name
FROM v_device_schedule u
JOIN area a ON a.id = u.area
JOIN area_version v ON v.id = a.id AND v.n = a.n
WHERE v.grade > 1;
