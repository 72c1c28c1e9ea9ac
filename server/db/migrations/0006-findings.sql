-- What is or was wrong. One row for each thing, which is source, scope, code and subject together: when it comes back after it was
-- closed, the same row opens again, and its events tell so. Rows that were closed long ago are trimmed.
CREATE TABLE finding (
  id           INTEGER PRIMARY KEY AUTOINCREMENT, -- people write it down: never given twice
  source       TEXT    NOT NULL, -- who looks
  scope        TEXT    NOT NULL, -- at what: of it the source tells everything at once
  code         TEXT    NOT NULL,
  subject_kind TEXT    NOT NULL,
  subject      TEXT    NOT NULL,
  severity     INTEGER NOT NULL CHECK (severity BETWEEN 0 AND 2), -- 0 critical, 1 warning, 2 info
  state        TEXT    NOT NULL CHECK (state IN ('open', 'acknowledged', 'closed')),
  title        TEXT    NOT NULL,
  hint         TEXT    NOT NULL,
  evidence     TEXT    NOT NULL CHECK (json_valid(evidence)),
  volumes      INTEGER NOT NULL, -- how many it touches, those that are not kept by name among them
  told         TEXT    NOT NULL, -- digest of all that is told of it
  first_seen   INTEGER NOT NULL,
  opened_at    INTEGER NOT NULL, -- the last time
  opened       INTEGER NOT NULL, -- how often
  unsteady     INTEGER NOT NULL CHECK (unsteady IN (0, 1)), -- it came back soon after it was gone
  last_seen    INTEGER NOT NULL, -- while it is there: see finding_look
  times_seen   INTEGER NOT NULL, -- up to the look of looks_mark
  looks_mark   INTEGER NOT NULL,
  absent_since INTEGER,          -- it was not there at the last look
  unsure_since INTEGER,          -- since then this one could not be looked at, though others of the scope were
  acknowledged_at    INTEGER,
  acknowledged_by    TEXT,
  acknowledged_why   TEXT,
  acknowledged_until INTEGER,    -- NULL: until it is gone
  closed_at    INTEGER,
  closed_why   TEXT    CHECK (closed_why IN ('gone', 'by hand')),
  closed_by    TEXT,

  UNIQUE (source, scope, code, subject_kind, subject),
  CHECK ((state = 'closed') = (closed_at IS NOT NULL)),
  CHECK (state <> 'acknowledged' OR acknowledged_at IS NOT NULL)
) STRICT;
CREATE INDEX finding_order ON finding (state, severity, id DESC);
CREATE INDEX finding_subject ON finding (subject_kind, subject);

-- The volumes that it touches.
CREATE TABLE finding_volume (
  finding   INTEGER NOT NULL REFERENCES finding (id) ON DELETE CASCADE,
  cluster   TEXT    NOT NULL,
  namespace TEXT    NOT NULL,
  pvc       TEXT    NOT NULL,

  PRIMARY KEY (finding, cluster, namespace, pvc)
) STRICT, WITHOUT ROWID;
CREATE INDEX finding_of_volume ON finding_volume (namespace, pvc, cluster);

-- What became of it, and who did it.
CREATE TABLE finding_event (
  id      INTEGER PRIMARY KEY,
  finding INTEGER NOT NULL REFERENCES finding (id) ON DELETE CASCADE,
  at      INTEGER NOT NULL,
  kind    TEXT    NOT NULL,
  by      TEXT,   -- NULL: nobody, it came so
  why     TEXT
) STRICT;
CREATE INDEX finding_event_of ON finding_event (finding, id);

-- Nobody wants to hear of it for a while, whoever finds it.
CREATE TABLE finding_mute (
  code         TEXT    NOT NULL,
  subject_kind TEXT    NOT NULL,
  subject      TEXT    NOT NULL,
  until        INTEGER NOT NULL,
  at           INTEGER NOT NULL,
  by           TEXT    NOT NULL,
  why          TEXT    NOT NULL,

  PRIMARY KEY (code, subject_kind, subject)
) STRICT, WITHOUT ROWID;

-- When each source looked last. What it found then and finds again is told by this row alone, so that it costs no write for each.
CREATE TABLE finding_look (
  source        TEXT    NOT NULL,
  scope         TEXT    NOT NULL,
  looked_at     INTEGER,          -- NULL: never
  looks         INTEGER NOT NULL,
  unknown_since INTEGER,          -- since then it could not look
  unknown_why   TEXT,

  PRIMARY KEY (source, scope)
) STRICT, WITHOUT ROWID;

-- What reading proved of each snapshot, and what it found damaged. A proof by one level proves those before it, too:
-- listed, reachable, read, restored.
CREATE TABLE snapshot_integrity (
  place        TEXT    NOT NULL,
  start_ns     INTEGER NOT NULL,
  root         TEXT    NOT NULL, -- 'id:…' while only the engine's id is known
  identity     TEXT    NOT NULL,
  engine_id    TEXT    NOT NULL, -- as seen last
  listed_at    INTEGER,
  reachable_at INTEGER,
  read_at      INTEGER,
  restored_at  INTEGER,
  damage_level TEXT    CHECK (damage_level IN ('listed', 'reachable', 'read', 'restored')), -- NULL: none is known
  damaged_at   INTEGER,
  reasons      TEXT    CHECK (json_valid(reasons)),
  paths        INTEGER, -- how many are damaged
  sample       TEXT    CHECK (json_valid(sample)), -- some of them
  run          TEXT,    -- which found it

  PRIMARY KEY (place, start_ns, root),
  CHECK ((damage_level IS NULL) = (damaged_at IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX snapshot_integrity_damaged ON snapshot_integrity (place) WHERE damage_level IS NOT NULL;
CREATE INDEX snapshot_integrity_of ON snapshot_integrity (place, identity, start_ns DESC);
