-- What a controller must still know after a restart to refuse whom the centre has revoked, and to know whom it may believe.

ALTER TABLE journal_head ADD COLUMN starts        INTEGER NOT NULL DEFAULT 0;  -- number of the program's last start; rises with every one
ALTER TABLE journal_head ADD COLUMN centre_epoch  INTEGER NOT NULL DEFAULT 0;  -- newest epoch of the centre heard of; 0 for none
ALTER TABLE journal_head ADD COLUMN revoked_epoch INTEGER NOT NULL DEFAULT 0;  -- every entry of the revocation set up to here is kept
ALTER TABLE journal_head ADD COLUMN revoked_n     INTEGER NOT NULL DEFAULT 0;
ALTER TABLE journal_head ADD COLUMN revoked_at    TEXT    NOT NULL DEFAULT ''; -- when the last entry came into force; '' for none
ALTER TABLE journal_head ADD COLUMN lease_age_ms  INTEGER NOT NULL DEFAULT -1; -- of the centre's last confirmation when last looked at; -1: none
ALTER TABLE journal_head ADD COLUMN lease_wall    TEXT    NOT NULL DEFAULT ''; -- believed time of that look; '' when the clock was not believed

-- The entries of the revocation set that came beside the policies, the one in force for each credential.
-- owner: controller/journal
CREATE TABLE journal_revocation (
    credential_key BLOB    PRIMARY KEY CHECK (LENGTH(credential_key) = 32),
    card           TEXT    NOT NULL,
    state          TEXT    NOT NULL CHECK (state IN ('active', 'suspended', 'revoked')),
    epoch          INTEGER NOT NULL,
    n              INTEGER NOT NULL
);

CREATE TRIGGER journal_revocation_is_kept BEFORE DELETE ON journal_revocation
BEGIN SELECT RAISE(ABORT, 'a revocation is never forgotten'); END;
