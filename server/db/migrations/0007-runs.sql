-- Runs of jobs. A run that waits for its turn is here only when somebody asked for it; one without an outcome was under way when
-- the daemon ended.
CREATE TABLE run (
  id         TEXT    PRIMARY KEY, -- sorts by time
  kind       TEXT    NOT NULL,
  subject    TEXT    NOT NULL,    -- the key that leases and checkpoints are kept under
  type       TEXT    NOT NULL CHECK (type IN ('repository', 'store', 'whole')),
  repository TEXT,
  store      TEXT,
  path       TEXT,
  place      TEXT,
  cause      TEXT    NOT NULL CHECK (cause IN ('schedule', 'missed', 'person', 'retry', 'resume')),
  by         TEXT,                -- who asked for it
  attempt    INTEGER NOT NULL,
  follows    TEXT,                -- the run that it tries again or continues
  due_at     INTEGER,             -- Unix milliseconds, as all times here
  queued_at  INTEGER NOT NULL,
  started_at INTEGER,
  ended_at   INTEGER,
  outcome    TEXT CHECK (outcome IN ('ok', 'findings', 'failed', 'interrupted', 'skipped')),
  reason     TEXT,                -- a code
  message    TEXT,
  again      INTEGER NOT NULL DEFAULT 0, -- to be started again when the daemon starts
  progress   TEXT CHECK (progress IS NULL OR json_valid(progress)),
  facts      TEXT CHECK (facts IS NULL OR json_valid(facts)),
  CHECK ((outcome IS NULL) = (ended_at IS NULL)),
  CHECK (outcome IS NULL OR outcome <> 'skipped' OR message IS NOT NULL)
) STRICT, WITHOUT ROWID;
CREATE INDEX run_kind ON run (kind, id);
CREATE INDEX run_kind_outcome ON run (kind, outcome, id);
CREATE INDEX run_outcome ON run (outcome, id);
CREATE INDEX run_repository ON run (repository, id);
CREATE INDEX run_store ON run (store, id);
CREATE INDEX run_repository_outcome ON run (repository, outcome, id);
CREATE INDEX run_store_outcome ON run (store, outcome, id);
CREATE INDEX run_open ON run (id) WHERE outcome IS NULL;
CREATE INDEX run_again ON run (id) WHERE again = 1;

-- What schedules remember of each kind and subject. It outlives the runs themselves.
CREATE TABLE job_memory (
  kind         TEXT    NOT NULL,
  subject      TEXT    NOT NULL,
  handled_at   INTEGER NOT NULL, -- what was due until then is done with
  last_run     TEXT,
  last_outcome TEXT,
  last_at      INTEGER,
  last_good_at INTEGER,          -- when one ended last that was ok or had findings
  PRIMARY KEY (kind, subject)
) STRICT, WITHOUT ROWID;

-- How far a run came that did not reach its end.
CREATE TABLE job_checkpoint (
  kind     TEXT    NOT NULL,
  subject  TEXT    NOT NULL,
  value    TEXT    NOT NULL CHECK (json_valid(value)),
  saved_at INTEGER NOT NULL,
  PRIMARY KEY (kind, subject)
) STRICT, WITHOUT ROWID;
