-- Notices to accounts (lifecycle/notice).

-- What an account is told. It is no record: what it tells of has one. subject: what it is about; of the same kind and subject at most one is
-- unread. params: a JSON object of texts. read_at: empty while it is unread.
-- owner: lifecycle/notice
CREATE TABLE notice (
    id      TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    kind    TEXT NOT NULL,
    subject TEXT NOT NULL,
    params  TEXT NOT NULL,
    link    TEXT NOT NULL,
    at      TEXT NOT NULL,
    read_at TEXT NOT NULL
);

CREATE UNIQUE INDEX notice_unread ON notice (account, kind, subject) WHERE read_at = '';
CREATE INDEX notice_account ON notice (account, at, id);
