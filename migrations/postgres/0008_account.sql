-- Accounts: who may use the console and the REST interface (package lifecycle/account).

-- roles: names separated by one space, in order. password_digest: hex SHA-256 of the hash in account_password.
-- owner: lifecycle/account
CREATE TABLE account_version (
    id              TEXT    NOT NULL,
    n               BIGINT  NOT NULL,
    at              TEXT    NOT NULL,
    actor           TEXT    NOT NULL,
    reason          TEXT    NOT NULL,
    staff           TEXT    NOT NULL,
    roles           TEXT    NOT NULL CHECK (roles <> ''),
    state           TEXT    NOT NULL CHECK (state IN ('active', 'disabled')),
    must_change     INTEGER NOT NULL CHECK (must_change IN (0, 1)),
    password_digest TEXT    NOT NULL CHECK (length(password_digest) = 64),
    salt            BYTEA   NOT NULL,
    leaf            BIGINT  NOT NULL UNIQUE,
    PRIMARY KEY (id, n)
);

-- owner: lifecycle/account
CREATE TABLE account (
    id TEXT   PRIMARY KEY,
    n  BIGINT NOT NULL
);

-- phc: the argon2id hash in force. Old hashes are not kept.
-- owner: lifecycle/account
CREATE TABLE account_password (
    id  TEXT PRIMARY KEY REFERENCES account (id),
    phc TEXT NOT NULL,
    at  TEXT NOT NULL
);

-- hash: hex SHA-256 of the session's token.
-- owner: lifecycle/account
CREATE TABLE account_session (
    hash    TEXT PRIMARY KEY,
    account TEXT NOT NULL REFERENCES account (id),
    made_at TEXT NOT NULL,
    seen_at TEXT NOT NULL
);
CREATE INDEX account_session_account ON account_session (account);

-- name: a login name, or "?" and four hex digits that names without an account share.
-- owner: lifecycle/account
CREATE TABLE account_attempt (
    name     TEXT   PRIMARY KEY,
    failures BIGINT NOT NULL,
    until    TEXT   NOT NULL,
    at       TEXT   NOT NULL
);

-- hash: hex SHA-256 of the bootstrap token in force.
-- owner: lifecycle/account
CREATE TABLE account_bootstrap (
    hash TEXT PRIMARY KEY,
    at   TEXT NOT NULL
);

CREATE TRIGGER account_version_append_only BEFORE UPDATE OR DELETE ON account_version FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE TRIGGER account_version_no_truncate BEFORE TRUNCATE ON account_version FOR EACH STATEMENT EXECUTE FUNCTION append_only();
