-- Digest of the snapshots that a listing showed last, so that an equal listing after a restart costs no look at them.
-- NULL: not known, or the newest snapshot was gone.
ALTER TABLE ledger_identity ADD COLUMN listed_digest TEXT;
