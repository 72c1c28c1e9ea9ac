import { type Snapshot, StorageError } from "../../storage/index.js"

/**
 * The one of that id, or of that beginning of an id. `latest`: the one that began last, whatever it is of. Throws `missing`, and
 * `invalid` for a beginning that several have.
 */
export function chooseSnapshot(snapshots: readonly Snapshot[], id: string): Snapshot {
  const fitting = id === "latest" ? snapshots.slice(-1) : snapshots.filter((one) => one.id.startsWith(id))
  const [snapshot] = fitting
  if (snapshot === undefined) {
    throw new StorageError(
      "missing",
      id === "latest" ? "there is no snapshot" : `no snapshot is called ${id}`,
      { hint: "`cistern snapshots` lists them." },
    )
  }
  if (fitting.length > 1) {
    throw new StorageError("invalid", `${fitting.length} snapshots begin with ${id}`, {
      hint: "Give more of the id.",
    })
  }
  return snapshot
}
