-- The controller's journal: numbered events of one epoch, and the state that belongs to them.

-- One row: where the journal stands.
-- owner: controller/journal
CREATE TABLE journal_head (
    id           INTEGER PRIMARY KEY CHECK (id = 1),
    controller   TEXT    NOT NULL,
    epoch        INTEGER NOT NULL,
    seq          INTEGER NOT NULL, -- the newest event; 0: none yet
    hash         BLOB    NOT NULL, -- chain hash after it
    base_seq     INTEGER NOT NULL, -- the newest event no longer kept; 0: all are
    base_hash    BLOB    NOT NULL, -- chain hash after it
    acked        INTEGER NOT NULL, -- the centre has everything up to here
    wall         TEXT    NOT NULL, -- newest trusted time of any event; '' for none
    policy_epoch INTEGER NOT NULL, -- of the newest policy applied; 0 for none
    policy_n     INTEGER NOT NULL,
    CHECK (0 <= base_seq AND base_seq <= acked AND acked <= seq)
);

-- The exact bytes of each event, and the chain hash after it.
-- owner: controller/journal
CREATE TABLE journal_event (
    seq   INTEGER PRIMARY KEY,
    bytes BLOB NOT NULL,
    hash  BLOB NOT NULL
);

-- How far the acknowledgements of one day went: acknowledged events are kept for a time counted from here.
-- owner: controller/journal
CREATE TABLE journal_ack_day (
    day   INTEGER PRIMARY KEY, -- days since 1970-01-01 UTC
    up_to INTEGER NOT NULL
);

CREATE TRIGGER journal_event_keeps_its_bytes BEFORE UPDATE ON journal_event
BEGIN SELECT RAISE(ABORT, 'append-only'); END;

CREATE TRIGGER journal_event_is_kept BEFORE DELETE ON journal_event
WHEN OLD.seq > (SELECT base_seq FROM journal_head WHERE id = 1)
BEGIN SELECT RAISE(ABORT, 'append-only'); END;
