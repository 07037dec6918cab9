-- The register of the centre's own keys (lifecycle/key). The keys themselves are not here.

-- owner: lifecycle/key
CREATE TABLE crypto_key (
    id TEXT   PRIMARY KEY,
    n  BIGINT NOT NULL
);

-- fingerprint: of the public key, or of the secret under a hash that does not give it away. not_after: empty when it does not end by itself.
-- owner: lifecycle/key
CREATE TABLE crypto_key_version (
    id          TEXT   NOT NULL,
    n           BIGINT NOT NULL CHECK (n > 0),
    at          TEXT   NOT NULL,
    actor       TEXT   NOT NULL,
    reason      TEXT   NOT NULL,
    algorithm   TEXT   NOT NULL,
    fingerprint TEXT   NOT NULL,
    key_id      TEXT   NOT NULL,
    not_after   TEXT   NOT NULL,
    state       TEXT   NOT NULL CHECK (state IN ('active', 'retired', 'revoked')),
    salt        BLOB   NOT NULL,
    leaf        BIGINT NOT NULL UNIQUE,
    PRIMARY KEY (id, n)
);

CREATE TRIGGER crypto_key_version_no_update BEFORE UPDATE ON crypto_key_version
BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER crypto_key_version_no_delete BEFORE DELETE ON crypto_key_version
BEGIN SELECT RAISE(ABORT, 'append-only'); END;
