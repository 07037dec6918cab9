-- Which of the centre's command keys a controller last said it believes, under which of its own keys it said so: ids, a JSON list. It can be
-- asked again.
-- owner: lifecycle/device
CREATE TABLE controller_believes (
    controller   TEXT PRIMARY KEY,
    key_id       TEXT NOT NULL,
    command_keys TEXT NOT NULL,
    at           TEXT NOT NULL
);
