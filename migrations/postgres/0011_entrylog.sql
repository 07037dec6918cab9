-- The entry log: signatures of batches, events that came ahead of their turn, uses of a card (lifecycle/entrylog).

CREATE INDEX event_card ON event (card, leaf) WHERE card <> '';

-- What a controller signed when it sent events: the statement about first_seq to last_seq, which begin at the chain hash prev and end at head (hex).
-- owner: lifecycle/entrylog
CREATE TABLE event_batch (
    leaf       BIGINT  PRIMARY KEY,
    controller TEXT    NOT NULL,
    epoch      BIGINT  NOT NULL CHECK (epoch > 0),
    first_seq  BIGINT  NOT NULL CHECK (first_seq > 0),
    last_seq   BIGINT  NOT NULL CHECK (last_seq >= first_seq),
    prev       TEXT    NOT NULL,
    head       TEXT    NOT NULL,
    key_id     TEXT    NOT NULL,
    sig        BYTEA   NOT NULL,
    salt       BYTEA   NOT NULL,
    UNIQUE (controller, epoch, last_seq)
);

CREATE TRIGGER event_batch_append_only BEFORE UPDATE OR DELETE ON event_batch FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE TRIGGER event_batch_no_truncate BEFORE TRUNCATE ON event_batch FOR EACH STATEMENT EXECUTE FUNCTION append_only();

-- Events that were shown before their turn, while the controller's backlog drains. They are no record: each goes when the same event comes in order.
-- owner: lifecycle/entrylog
CREATE TABLE event_live (
    controller TEXT   NOT NULL,
    epoch      BIGINT NOT NULL,
    seq        BIGINT NOT NULL,
    received   TEXT   NOT NULL,
    door       TEXT   NOT NULL,
    area       TEXT   NOT NULL,
    person     TEXT   NOT NULL,
    card       TEXT   NOT NULL,
    body       BYTEA  NOT NULL,
    PRIMARY KEY (controller, epoch, seq)
);

DROP VIEW v_entrylog_live;

CREATE VIEW v_entrylog_live AS
SELECT e.leaf AS id, e.controller, e.received, e.at, e.kind, e.door, e.area, e.person, e.card, e.body,
       COALESCE(dv.name, '') AS door_name, COALESCE(av.name, '') AS area_name,
       COALESCE(p.name, '') AS person_name, COALESCE(cv.label, '') AS card_label
FROM event e
LEFT JOIN door d ON d.id = e.door
LEFT JOIN door_version dv ON dv.id = d.id AND dv.n = d.n
LEFT JOIN area a ON a.id = e.area
LEFT JOIN area_version av ON av.id = a.id AND av.n = a.n
LEFT JOIN staff s ON s.id = e.person
LEFT JOIN staff_personal p ON p.id = s.id AND p.n = s.n
LEFT JOIN card c ON c.id = e.card
LEFT JOIN card_version cv ON cv.id = c.id AND cv.n = c.n;

CREATE VIEW v_entrylog_provisional AS
SELECT e.controller, e.epoch, e.seq, e.received, e.body,
       COALESCE(dv.name, '') AS door_name, COALESCE(av.name, '') AS area_name,
       COALESCE(p.name, '') AS person_name, COALESCE(cv.label, '') AS card_label
FROM event_live e
LEFT JOIN door d ON d.id = e.door
LEFT JOIN door_version dv ON dv.id = d.id AND dv.n = d.n
LEFT JOIN area a ON a.id = e.area
LEFT JOIN area_version av ON av.id = a.id AND av.n = a.n
LEFT JOIN staff s ON s.id = e.person
LEFT JOIN staff_personal p ON p.id = s.id AND p.n = s.n
LEFT JOIN card c ON c.id = e.card
LEFT JOIN card_version cv ON cv.id = c.id AND cv.n = c.n;
