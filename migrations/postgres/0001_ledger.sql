-- The ledger: an RFC 6962 tree of leaves (package internal/ledger). Leaves of one log are numbered 0, 1, 2 … without a gap.

-- The head of each log: how many leaves it has and the root over them. It is changed by compare-and-swap.
-- owner: internal/ledger/store
CREATE TABLE ledger_head (
    log    BIGINT PRIMARY KEY,
    origin TEXT   NOT NULL UNIQUE,
    size   BIGINT NOT NULL CHECK (size >= 0),
    root   BYTEA  NOT NULL CHECK (length(root) = 32)
);

-- body: the exact bytes of the leaf. hashes: the tree's hashes that this leaf completed, level 0 first, 32 bytes each.
-- owner: internal/ledger/store
CREATE TABLE ledger_leaf (
    log    BIGINT NOT NULL,
    seq    BIGINT NOT NULL CHECK (seq >= 0),
    body   BYTEA  NOT NULL,
    hashes BYTEA  NOT NULL CHECK (length(hashes) > 0 AND length(hashes) % 32 = 0),
    PRIMARY KEY (log, seq)
);

-- note: a signed C2SP checkpoint over the first `size` leaves.
-- owner: internal/ledger/store
CREATE TABLE ledger_checkpoint (
    log  BIGINT NOT NULL,
    size BIGINT NOT NULL CHECK (size >= 0),
    at   TEXT   NOT NULL,
    note BYTEA  NOT NULL,
    PRIMARY KEY (log, size)
);

-- append_only refuses the statement. Every append-only table of the schema uses it:
--   CREATE TRIGGER x_append_only BEFORE UPDATE OR DELETE ON x FOR EACH ROW EXECUTE FUNCTION append_only();
--   CREATE TRIGGER x_no_truncate BEFORE TRUNCATE ON x FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'append-only' USING ERRCODE = 'restrict_violation', TABLE = TG_TABLE_NAME;
END
$$;

CREATE TRIGGER ledger_head_forward BEFORE UPDATE ON ledger_head FOR EACH ROW
WHEN (NEW.log <> OLD.log OR NEW.origin <> OLD.origin OR NEW.size < OLD.size)
EXECUTE FUNCTION append_only();
CREATE TRIGGER ledger_head_no_delete BEFORE DELETE ON ledger_head FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE TRIGGER ledger_head_no_truncate BEFORE TRUNCATE ON ledger_head FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE TRIGGER ledger_leaf_append_only BEFORE UPDATE OR DELETE ON ledger_leaf FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE TRIGGER ledger_leaf_no_truncate BEFORE TRUNCATE ON ledger_leaf FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE TRIGGER ledger_checkpoint_append_only BEFORE UPDATE OR DELETE ON ledger_checkpoint FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE TRIGGER ledger_checkpoint_no_truncate BEFORE TRUNCATE ON ledger_checkpoint FOR EACH STATEMENT EXECUTE FUNCTION append_only();
