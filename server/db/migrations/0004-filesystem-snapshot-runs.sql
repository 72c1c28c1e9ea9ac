-- What came of the last scheduled filesystem snapshot of each store.
CREATE TABLE filesystem_snapshot_run (
  store   TEXT    NOT NULL PRIMARY KEY, -- the id in its sentinel, else its name
  due_at  INTEGER NOT NULL,             -- Unix milliseconds: the time of the schedule that this was for
  at      INTEGER NOT NULL,
  outcome TEXT    NOT NULL CHECK (outcome IN ('ok', 'failed', 'skipped')),
  detail  TEXT,                         -- why it is not ok
  made    TEXT    NOT NULL CHECK (json_valid(made)),    -- names
  removed TEXT    NOT NULL CHECK (json_valid(removed)), -- names
  made_at INTEGER                       -- when one was made last, whatever came after
) STRICT, WITHOUT ROWID;
