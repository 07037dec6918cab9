-- Where people are and who typed wrong PINs, for the next start.

-- owner: controller/journal
CREATE TABLE journal_place (
    area    TEXT    NOT NULL,
    person  TEXT    NOT NULL,
    state   INTEGER NOT NULL CHECK (state IN (0, 1, 2)), -- in doubt, inside, outside
    at      TEXT    NOT NULL,                            -- since when; '' where the time was not known
    visitor INTEGER NOT NULL,
    escort  INTEGER NOT NULL,
    PRIMARY KEY (area, person)
);

-- subject: 'card/' or 'reader/' and its id.
-- owner: controller/journal
CREATE TABLE journal_tries (
    subject TEXT    PRIMARY KEY,
    n       INTEGER NOT NULL CHECK (n > 0)
);
