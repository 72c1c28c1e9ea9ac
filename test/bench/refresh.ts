import { readdirSync } from "node:fs"
import { join } from "node:path"
import { DirectoryTree, VolatileBlobMemory } from "../../storage/blobs/index.js"
import { openKopia } from "../../storage/kopia/index.js"
import type { Repository } from "../../storage/repository.js"
import { openRestic } from "../../storage/restic/index.js"
import { Secret } from "../../storage/secret.js"
import { writeSyntheticKopia } from "../support/synthetic-kopia.js"
import { writeSyntheticRestic } from "../support/synthetic-restic.js"
import { median, timed } from "./measure.js"
import type { BenchContext, Row } from "./row.js"

const PASSWORD = new Secret("bench")

/** A listing after one new snapshot, by repositories of growing size. Its own smallest size is the peer. */
export async function refresh(context: BenchContext): Promise<Row[]> {
  const sizes = context.quick ? [100, 500] : [100, 1_000, 10_000]
  const rounds = context.quick ? 5 : 15
  const rows: Row[] = []
  for (const engine of ["kopia", "restic"] as const) {
    let smallest: number | undefined
    for (const size of sizes) {
      const directory = context.scratch(`${engine}-${size}`)
      const subject = engine === "kopia" ? kopia(directory, size) : restic(directory, size)
      await subject.repository.list()
      const times: number[] = []
      const bare: number[] = []
      for (let round = 0; round < rounds; round++) {
        subject.append()
        // As the daemon lists after the file events of the new snapshot.
        times.push(await timed(() => subject.repository.list({ changed: [] })))
        if (engine === "restic") bare.push(timeOfTwoReadings(join(directory, "snapshots")))
      }
      const value = median(times)
      smallest ??= value
      rows.push({
        what: `refresh after one new snapshot, ${engine}, ${size} snapshots`,
        unit: "ms",
        ours: { who: "cistern", value },
        peers: [
          ...(size === sizes[0] ? [] : [{ who: `with ${sizes[0] ?? 0} snapshots`, value: smallest }]),
          ...(engine === "kopia" ? [] : [{ who: "two bare readings of its folder", value: median(bare) }]),
        ],
        budget: "independent of the size: reads only new blobs",
      })
    }
  }
  return rows
}

/** What every listing of restic pays at least, in milliseconds: the names before and after what is read. */
function timeOfTwoReadings(folder: string): number {
  const started = performance.now()
  for (let times = 0; times < 2; times++) readdirSync(folder, { encoding: "latin1" })
  return performance.now() - started
}

function kopia(directory: string, snapshots: number): Subject {
  const made = writeSyntheticKopia(directory, { password: "bench", snapshots, identities: 50 })
  const files = new DirectoryTree(directory)
  return {
    repository: openKopia({ files, password: PASSWORD, memory: new VolatileBlobMemory() }),
    append: () => {
      made.appendSnapshot({ user: "new-backup", host: "ns", path: "/data" })
    },
  }
}

function restic(directory: string, snapshots: number): Subject {
  const made = writeSyntheticRestic(directory, { password: "bench", snapshots })
  const files = new DirectoryTree(directory)
  return {
    repository: openRestic({ files, password: PASSWORD, memory: new VolatileBlobMemory() }),
    append: () => {
      made.appendSnapshot()
    },
  }
}

interface Subject {
  readonly repository: Repository
  append(): void
}
