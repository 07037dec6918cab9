-- What else a controller last said it has of the centre's keys: pins of authorities and fingerprints of credential hash keys, JSON lists, and the
-- pin of the authority of its own certificate.
ALTER TABLE controller_believes ADD COLUMN authorities TEXT NOT NULL DEFAULT '[]';
ALTER TABLE controller_believes ADD COLUMN issuer TEXT NOT NULL DEFAULT '';
ALTER TABLE controller_believes ADD COLUMN hash_keys TEXT NOT NULL DEFAULT '[]';
