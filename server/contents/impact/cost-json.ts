import { formatIdentity } from "../../../storage/identity/index.js"
import type { DamagedPath, Impact } from "../../../storage/impact/index.js"
import {
  type Engine,
  formatInstant,
  type LostContents,
  type Snapshot,
  type SnapshotSource,
  type StorageError,
} from "../../../storage/index.js"
import { textOf } from "../entry-json.js"

/** What the loss of one file costs a repository. */
export interface Cost {
  readonly place: string
  readonly engine: Engine
  readonly loss: LostContents
  readonly snapshots: readonly Snapshot[]
  readonly impact: Impact
  /** The file is damaged already, and without it snapshots cannot be listed. */
  readonly unlisted: StorageError | undefined
}

/** The document of `impact --json`. */
export function costJson({ place, engine, loss, impact, unlisted }: Cost) {
  const losing = impact.snapshots.filter(({ reasons }) => reasons.includes("lost"))
  const ids = new Set(losing.map(({ snapshot }) => snapshot.id))
  const identity = (source: SnapshotSource) => identityOf(engine, place, source)
  return {
    blob: {
      id: loss.blob,
      file: loss.file,
      kind: loss.kind,
      everything: loss.everything,
      stops: loss.stops,
      contents: loss.count,
      recovery: loss.recovery ?? null,
      note: loss.note ?? null,
    },
    /** Ids of those that lose something, or are lost themselves. */
    snapshots: [...ids],
    identities: [...new Set(losing.map(({ snapshot }) => identity(snapshot.source)))],
    /** A directory stands for everything in it; no path at all for the whole snapshot. */
    files: impact.snapshots.flatMap(({ snapshot, paths }) =>
      paths.map((path) => ({ snapshot: snapshot.id, ...pathJson(path) })),
    ),
    /** Files that were counted and not named. */
    filesBeyond: impact.snapshots.reduce((sum, { beyond }) => sum + beyond, 0),
    /** Of `snapshots`, those that are lost themselves. */
    gone: impact.snapshots.filter(({ gone }) => gone).map(({ snapshot }) => snapshot.id),
    /** Ids of those that cannot be read for another reason, so that nobody knows. */
    unclear: impact.snapshots.map(({ snapshot }) => snapshot.id).filter((id) => !ids.has(id)),
    sources: impact.sources.map(({ source, damaged, snapshots, newest, newestGood }) => ({
      identity: identity(source),
      damaged,
      snapshots,
      newest: snapshotJson(newest),
      newestGood: newestGood === undefined ? null : snapshotJson(newestGood),
    })),
    problem: unlisted === undefined ? null : { code: unlisted.code, message: unlisted.message },
  }
}

/** As `snapshots --at` calls it. */
export function identityOf(engine: Engine, place: string, { user, host, paths }: SnapshotSource): string {
  return engine === "kopia" ? formatIdentity({ user, host, path: paths[0] ?? "" }) : place
}

function snapshotJson({ id, start }: Snapshot) {
  return { id, start: formatInstant(start) }
}

function pathJson({ path, kind, reason }: DamagedPath) {
  const text = textOf(path)
  return {
    ...(text === undefined ? { pathBase64: Buffer.from(path).toString("base64") } : { path: text }),
    type: kind,
    reason,
  }
}
