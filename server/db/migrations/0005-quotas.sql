-- Numbers of projects by which XFS and ext4 limit directories. None is given to a second directory, also when it was released:
-- what was in that project may still be somewhere.
CREATE TABLE project_id (
  number      INTEGER PRIMARY KEY CHECK (number > 0),
  path        TEXT    NOT NULL, -- absolute, links followed
  taken_at    INTEGER NOT NULL,
  released_at INTEGER
) STRICT;
CREATE UNIQUE INDEX project_id_path ON project_id (path) WHERE released_at IS NULL;

-- What a walk through a tree found last, for trees whose filesystem does not count them.
CREATE TABLE tree_use (
  place      TEXT    PRIMARY KEY, -- the store's key, a colon and the path in it
  bytes      INTEGER NOT NULL,
  files      INTEGER NOT NULL,
  unread     INTEGER NOT NULL, -- folders that could not be read
  elsewhere  INTEGER NOT NULL, -- subvolumes and mounts in it
  begun_at   INTEGER NOT NULL,
  ended_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
