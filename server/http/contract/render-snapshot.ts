import type { VolumeName } from "../../../storage/identity/index.js"
import { formatInstant, type Snapshot } from "../../../storage/index.js"
import type { SnapshotJson } from "./admin.js"

/** A snapshot as the API and the command line show it. `identity`: `user@host:path`, or restic's directory. */
export function renderSnapshot(
  snapshot: Snapshot,
  identity: string,
  volume: VolumeName | undefined,
): SnapshotJson {
  return {
    id: snapshot.id,
    identity,
    namespace: volume?.namespace ?? null,
    pvc: volume?.pvc ?? null,
    start: formatInstant(snapshot.start),
    end: snapshot.end === undefined ? null : formatInstant(snapshot.end),
    complete: snapshot.incomplete === undefined,
    incompleteReason: snapshot.incomplete ?? null,
    bytes: snapshot.bytes ?? null,
    files: snapshot.files ?? null,
    tags: [...snapshot.tags],
    pins: [...snapshot.pins],
    description: snapshot.description,
  }
}
