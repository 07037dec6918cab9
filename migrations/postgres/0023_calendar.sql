-- The city's own days, and up to which day doors are told of holidays (lifecycle/calendar).

-- owner: lifecycle/calendar
CREATE TABLE calendar_day (
    id TEXT   PRIMARY KEY,
    n  BIGINT NOT NULL
);

-- id: the date, 2027-03-28. kind: closed, a day that is a holiday for the city alone; open, a holiday on which it works; none, neither any more.
-- owner: lifecycle/calendar
CREATE TABLE calendar_day_version (
    id     TEXT   NOT NULL,
    n      BIGINT NOT NULL CHECK (n > 0),
    at     TEXT   NOT NULL,
    actor  TEXT   NOT NULL,
    reason TEXT   NOT NULL,
    kind   TEXT   NOT NULL CHECK (kind IN ('closed', 'open', 'none')),
    name   TEXT   NOT NULL,
    salt   BYTEA  NOT NULL,
    leaf   BIGINT NOT NULL UNIQUE,
    PRIMARY KEY (id, n)
);

CREATE TRIGGER calendar_day_version_append_only BEFORE UPDATE OR DELETE ON calendar_day_version FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE TRIGGER calendar_day_version_no_truncate BEFORE TRUNCATE ON calendar_day_version FOR EACH STATEMENT EXECUTE FUNCTION append_only();

-- owner: lifecycle/calendar
CREATE TABLE calendar_horizon (
    id TEXT   PRIMARY KEY,
    n  BIGINT NOT NULL
);

-- id: doors. Dates, the second exclusive.
-- owner: lifecycle/calendar
CREATE TABLE calendar_horizon_version (
    id     TEXT   NOT NULL,
    n      BIGINT NOT NULL CHECK (n > 0),
    at     TEXT   NOT NULL,
    actor  TEXT   NOT NULL,
    reason TEXT   NOT NULL,
    since  TEXT   NOT NULL,
    until  TEXT   NOT NULL,
    salt   BYTEA  NOT NULL,
    leaf   BIGINT NOT NULL UNIQUE,
    PRIMARY KEY (id, n)
);

CREATE TRIGGER calendar_horizon_version_append_only BEFORE UPDATE OR DELETE ON calendar_horizon_version FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE TRIGGER calendar_horizon_version_no_truncate BEFORE TRUNCATE ON calendar_horizon_version FOR EACH STATEMENT EXECUTE FUNCTION append_only();
