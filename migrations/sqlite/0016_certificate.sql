-- The certificate that was last issued to a controller, in whole: who asks for one that it has is given it again. der: empty when none is
-- known. It may be lost: the next request makes another.
-- owner: lifecycle/device
CREATE TABLE controller_certificate (
    controller TEXT PRIMARY KEY,
    serial     TEXT NOT NULL,
    der        BLOB NOT NULL
);
