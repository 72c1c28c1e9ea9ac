-- What the looks for anomalies remember of each source, so that each snapshot is compared once.
CREATE TABLE anomaly_memory (
  place  TEXT NOT NULL,
  source TEXT NOT NULL,
  memory TEXT NOT NULL CHECK (json_valid(memory)),
  PRIMARY KEY (place, source)
) STRICT, WITHOUT ROWID;

-- The last drill of each volume's backups in a place. Times are Unix milliseconds.
CREATE TABLE drill (
  place         TEXT    NOT NULL,
  cluster       TEXT    NOT NULL,
  namespace     TEXT    NOT NULL,
  pvc           TEXT    NOT NULL,
  known_since   INTEGER NOT NULL, -- since when its backups wait to be drilled
  tried_at      INTEGER,          -- when a drill of it was begun last, whatever came of it
  drilled_at    INTEGER,          -- when one came to its end
  proven_at     INTEGER,          -- when one came to its end with everything restored
  engine_at     INTEGER,          -- when the real engine's restore was compared last
  last          TEXT CHECK (last IS NULL OR json_valid(last)), -- what came of the last one
  PRIMARY KEY (place, cluster, namespace, pvc)
) STRICT, WITHOUT ROWID;
