-- The ledger: an RFC 6962 tree of leaves (package internal/ledger). Leaves of one log are numbered 0, 1, 2 … without a gap.

-- The head of each log: how many leaves it has and the root over them. It is changed by compare-and-swap.
-- owner: internal/ledger/store
CREATE TABLE ledger_head (
    log    INTEGER PRIMARY KEY,
    origin TEXT    NOT NULL UNIQUE,
    size   BIGINT  NOT NULL CHECK (size >= 0),
    root   BLOB    NOT NULL CHECK (length(root) = 32)
);

-- body: the exact bytes of the leaf. hashes: the tree's hashes that this leaf completed, level 0 first, 32 bytes each.
-- owner: internal/ledger/store
CREATE TABLE ledger_leaf (
    log    INTEGER NOT NULL,
    seq    BIGINT  NOT NULL CHECK (seq >= 0),
    body   BLOB    NOT NULL,
    hashes BLOB    NOT NULL CHECK (length(hashes) > 0 AND length(hashes) % 32 = 0),
    PRIMARY KEY (log, seq)
) WITHOUT ROWID;

-- note: a signed C2SP checkpoint over the first `size` leaves.
-- owner: internal/ledger/store
CREATE TABLE ledger_checkpoint (
    log  INTEGER NOT NULL,
    size BIGINT  NOT NULL CHECK (size >= 0),
    at   TEXT    NOT NULL,
    note BLOB    NOT NULL,
    PRIMARY KEY (log, size)
) WITHOUT ROWID;

CREATE TRIGGER ledger_head_forward BEFORE UPDATE ON ledger_head
WHEN NEW.log <> OLD.log OR NEW.origin <> OLD.origin OR NEW.size < OLD.size
BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER ledger_head_no_delete BEFORE DELETE ON ledger_head
BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER ledger_leaf_no_update BEFORE UPDATE ON ledger_leaf
BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER ledger_leaf_no_delete BEFORE DELETE ON ledger_leaf
BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER ledger_checkpoint_no_update BEFORE UPDATE ON ledger_checkpoint
BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER ledger_checkpoint_no_delete BEFORE DELETE ON ledger_checkpoint
BEGIN SELECT RAISE(ABORT, 'append-only'); END;
