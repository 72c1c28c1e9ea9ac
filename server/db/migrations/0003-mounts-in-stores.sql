-- Filesystems that were mounted in an exported directory: without them, clients would write into what lies under them.
CREATE TABLE fence_of_any_kind (
  kind     TEXT    NOT NULL CHECK (kind IN ('store', 'place', 'mount')),
  name     TEXT    NOT NULL, -- the store's name, the place, or the store's name, a colon and the mount point
  record   TEXT    NOT NULL CHECK (json_valid(record)),
  taken_at INTEGER NOT NULL,
  taken_by TEXT    NOT NULL,

  PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;
INSERT INTO fence_of_any_kind SELECT * FROM fence;
DROP TABLE fence;
ALTER TABLE fence_of_any_kind RENAME TO fence;
