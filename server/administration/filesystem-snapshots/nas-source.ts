import type { NasSnapshots } from "../../../storage/nas-snapshots/index.js"
import { StorageError } from "../../../storage/index.js"
import type { MadeSnapshot } from "../../catalog/index.js"
import type { SnapshotSource } from "./snapshot-source.js"

/**
 * By a NAS system's own interface. `mustHold` throws while the store is fenced: what the system would snapshot then is not what was accepted.
 */
export function nasSource(ask: () => Promise<NasSnapshots>, mustHold: () => Promise<void>): SnapshotSource {
  const guarded = async <T>(work: (nas: NasSnapshots) => Promise<T>): Promise<T> => {
    await mustHold()
    return work(await ask())
  }
  return {
    look: async () => {
      try {
        const nas = await ask()
        const { of, notices } = nas
        const snapshots = await nas.list()
        const tree = { of, possible: true, message: undefined, hint: undefined, notices, snapshots }
        return { by: nas.kind, trees: [tree] }
      } catch (error) {
        if (!(error instanceof StorageError) || error.code !== "unsupported") throw error
        const { message, hint } = error
        const tree = { of: ".", possible: false, message, hint, notices: [], snapshots: [] }
        return { by: undefined, trees: [tree] }
      }
    },
    make: (wanted) =>
      guarded(async (nas): Promise<readonly MadeSnapshot[]> => [
        { of: nas.of, kind: "made", snapshot: await nas.create(wanted) },
      ]),
    hold: ({ name }, holder) => guarded((nas) => nas.hold(name, holder)),
    release: ({ name }, holder) => guarded((nas) => nas.release(name, holder)),
    remove: ({ name }) => guarded((nas) => nas.remove(name)),
    shownAt: async ({ name }) => (await ask()).shownAt(name),
  }
}
