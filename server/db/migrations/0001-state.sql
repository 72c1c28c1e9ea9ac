-- Times are Unix milliseconds, unless a name ends in _ns: nanoseconds, as the engines keep them.
-- A place is where a repository is or is to be, however the document calls it; it outlives the document.

-- What the administrator applied last, with references in place of secret values.
CREATE TABLE applied_document (
  id         INTEGER PRIMARY KEY CHECK (id = 1),
  document   TEXT    NOT NULL CHECK (json_valid(document)),
  applied_at INTEGER NOT NULL
) STRICT;

-- One row: something known, sealed under the key file, so that a wrong key file is noticed before it is used.
CREATE TABLE key_check (
  id     INTEGER PRIMARY KEY CHECK (id = 1),
  sealed BLOB    NOT NULL
) STRICT;

-- Secret values that were given as such. Their name is bound into the seal.
CREATE TABLE secret (
  name       TEXT    PRIMARY KEY,
  sealed     BLOB    NOT NULL,
  changed_at INTEGER NOT NULL
) STRICT;

-- Keys stretched from passwords, sealed. Losing them costs time only.
CREATE TABLE stretched_key (
  name       TEXT    PRIMARY KEY, -- keyed hash of label and password
  sealed     BLOB    NOT NULL,
  derived_at INTEGER NOT NULL
) STRICT;

-- The filesystem that a store, or one repository's path, was on when it was accepted.
CREATE TABLE fence (
  kind     TEXT    NOT NULL CHECK (kind IN ('store', 'place')),
  name     TEXT    NOT NULL, -- the store's name, or the place
  record   TEXT    NOT NULL CHECK (json_valid(record)),
  taken_at INTEGER NOT NULL,
  taken_by TEXT    NOT NULL,

  PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;

-- Which repository a place holds. A different one there is not believed until a person says so.
CREATE TABLE pin (
  place         TEXT    PRIMARY KEY,
  engine        TEXT    NOT NULL CHECK (engine IN ('kopia', 'restic', 'copy')),
  repository_id TEXT    NOT NULL, -- '' while the password is not known
  fingerprint   TEXT    NOT NULL,
  pinned_at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Every acknowledged change of a pin. Rows never change.
CREATE TABLE pin_change (
  id      INTEGER PRIMARY KEY,
  place   TEXT    NOT NULL,
  was     TEXT    NOT NULL CHECK (json_valid(was)),
  becomes TEXT             CHECK (json_valid(becomes)), -- NULL: the repository was given up
  at      INTEGER NOT NULL,
  by      TEXT    NOT NULL
) STRICT;

-- Every identity ever seen in a place.
CREATE TABLE ledger_identity (
  id            INTEGER PRIMARY KEY,
  place         TEXT    NOT NULL,
  identity      TEXT    NOT NULL,
  repository_id TEXT    NOT NULL, -- of the repository that showed it last; '' without its password
  first_seen    INTEGER NOT NULL,
  last_change   INTEGER NOT NULL, -- when a listing last showed a difference
  closed_at     INTEGER,          -- a person gave up all that was seen here

  UNIQUE (place, identity)
) STRICT;

-- Every complete snapshot ever seen. Start and root are the snapshot; the engine's id may change.
CREATE TABLE ledger_snapshot (
  identity_id INTEGER NOT NULL REFERENCES ledger_identity (id) ON DELETE CASCADE,
  start_ns    INTEGER NOT NULL,
  root        TEXT    NOT NULL, -- 'id:…' while only the engine's id is known
  engine_id   TEXT    NOT NULL, -- as seen last
  first_seen  INTEGER NOT NULL,
  gone_at     INTEGER,          -- NULL while it is listed
  gone_reason TEXT    CHECK (gone_reason IN ('acknowledged', 'pruned')), -- NULL: nobody explained it

  PRIMARY KEY (identity_id, start_ns, root),
  CHECK (gone_reason IS NULL OR gone_at IS NOT NULL)
) STRICT, WITHOUT ROWID;

-- The metadata files that the last good listing rested on, so that one that vanished is noticed over a restart.
CREATE TABLE marks (
  place TEXT    PRIMARY KEY,
  names TEXT    NOT NULL CHECK (json_valid(names)),
  at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Volumes that clusters asked for. Forgotten 30 days after they were asked for last.
CREATE TABLE asked (
  cluster       TEXT    NOT NULL,
  namespace     TEXT    NOT NULL,
  pvc           TEXT    NOT NULL,
  first_asked   INTEGER NOT NULL,
  last_asked    INTEGER NOT NULL,
  count         INTEGER NOT NULL CHECK (count > 0),
  last_decision TEXT    NOT NULL CHECK (last_decision IN ('restore', 'fresh', 'unknown')),

  PRIMARY KEY (cluster, namespace, pvc)
) STRICT, WITHOUT ROWID;

-- Windows in which an administrator lets one volume come up empty. Kept as a record of who did it.
CREATE TABLE fresh_once (
  id        INTEGER PRIMARY KEY,
  cluster   TEXT    NOT NULL,
  namespace TEXT    NOT NULL,
  pvc       TEXT    NOT NULL,
  opened_at INTEGER NOT NULL,
  until     INTEGER NOT NULL CHECK (until > opened_at),
  by        TEXT    NOT NULL,
  ended_at  INTEGER,          -- set only when it ended before its time
  ended_why TEXT,

  CHECK ((ended_at IS NULL) = (ended_why IS NULL))
) STRICT;

CREATE INDEX fresh_once_volume ON fresh_once (cluster, namespace, pvc, until DESC);

-- An identity that looks like a volume's and, as a person said, is not.
CREATE TABLE similar_dismissed (
  place     TEXT    NOT NULL,
  identity  TEXT    NOT NULL,
  cluster   TEXT    NOT NULL,
  namespace TEXT    NOT NULL,
  pvc       TEXT    NOT NULL,
  by        TEXT    NOT NULL,
  at        INTEGER NOT NULL,

  PRIMARY KEY (place, identity, cluster, namespace, pvc)
) STRICT, WITHOUT ROWID;

-- What a person accepted by name, whatever its kind. Rows never change.
CREATE TABLE acknowledgement (
  id     INTEGER PRIMARY KEY,
  kind   TEXT    NOT NULL,
  place  TEXT    NOT NULL,
  detail TEXT    NOT NULL CHECK (json_valid(detail)),
  at     INTEGER NOT NULL,
  by     TEXT    NOT NULL
) STRICT;
