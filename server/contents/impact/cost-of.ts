import { type Impact, impactOf } from "../../../storage/impact/index.js"
import {
  type Listing,
  type LostContents,
  type Repository,
  type SnapshotContents,
  StorageError,
} from "../../../storage/index.js"
import type { Cost } from "./cost-json.js"

export interface CostOptions {
  /** What the repository is called in the answer. */
  readonly place: string
  /** Files named of one snapshot; more are counted. */
  readonly most: number
  /** Directories read so far, and of how many, as far as is known. */
  readonly progress: (read: number, known: number) => void
  readonly signal?: AbortSignal
}

/** A Repository, or as much of one. */
export interface CostedRepository extends Pick<Repository, "engine" | "list"> {
  openContents(): Promise<SnapshotContents>
}

const nothing: Impact = { snapshots: [], sources: [], directories: 0 }

/** What the loss of a file costs a repository: `blob` is its id, its path, or the beginning of either. Throws StorageError. */
export async function costOf(
  repository: CostedRepository,
  blob: string,
  { place, most, progress, signal }: CostOptions,
): Promise<Cost> {
  const listing = await listed(repository)
  const contents = await repository.openContents()
  const loss = await contents.contentsIn(blob)
  const about = { place, engine: repository.engine, loss }
  if (listing instanceof StorageError) {
    if (listing.facts["file"] !== loss.file) throw listing
    return { ...about, snapshots: [], impact: nothing, unlisted: listing }
  }
  const { snapshots } = listing
  const gone = goneWith(loss, listing)
  const impact = await impactOf(contents, snapshots, loss.has, {
    gone,
    most,
    progress,
    ...(signal === undefined ? {} : { signal }),
  })
  return { ...about, snapshots, impact, unlisted: undefined }
}

/** `lost`: something needs it. `unclear`: something else that cannot be read may need it, too. */
export function verdictOf({ loss, impact, unlisted }: Cost): "lost" | "unclear" | "nothing" {
  const loses = impact.snapshots.some(({ reasons }) => reasons.includes("lost"))
  if (loses || loss.everything || unlisted !== undefined) return "lost"
  return impact.snapshots.length > 0 ? "unclear" : "nothing"
}

/** A listing fails with the very file that holds what is listed; then that is the answer. */
async function listed(repository: Pick<Repository, "list">): Promise<Listing | StorageError> {
  try {
    return await repository.list()
  } catch (error) {
    if (error instanceof StorageError) return error
    throw error
  }
}

function goneWith(loss: LostContents, { snapshots }: Listing): ReadonlySet<string> {
  return new Set(loss.everything ? snapshots.map(({ id }) => id) : loss.snapshots)
}
