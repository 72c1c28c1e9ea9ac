import { impactOf, type SnapshotImpact } from "../../../storage/impact/index.js"
import { type LostContents, type Repository, StorageError } from "../../../storage/index.js"
import { lostInPacks } from "../../../storage/verify/index.js"
import { identityText } from "../../catalog/index.js"
import type { JobContext } from "../../jobs/kind.js"
import type { FencedPlace } from "../fenced-place.js"
import type { Cost, DamagedSnapshot } from "./found.js"

/** Paths named of one snapshot. */
const MOST_PATHS = 5
const MOST_PATHS_IN_ALL = 20_000

export interface CostOf {
  readonly cost: Cost
  /** Of those that were asked about and are gone, the ones that something still needs. */
  readonly needed: ReadonlySet<string>
}

type Context = Pick<JobContext, "signal" | "progress">

/**
 * What damaged files cost, and files that were damaged and are gone, where something needs them. Of a pack only those contents count
 * that really are not whole any more. Throws what is no StorageError, and what the fence says.
 */
export async function costOf(
  place: FencedPlace,
  damaged: readonly string[],
  gone: readonly string[],
  context: Context,
): Promise<CostOf> {
  if (damaged.length + gone.length === 0) return { cost: { kind: "nothing damaged" }, needed: new Set() }
  try {
    const told = await tell(place, damaged, gone, context)
    place.assertSame()
    return told
  } catch (error) {
    context.signal.throwIfAborted()
    place.assertSame()
    if (!(error instanceof StorageError)) throw error
    const { code, message } = error
    const cost: Cost =
      damaged.length === 0 ? { kind: "nothing damaged" } : { kind: "untold", code, why: message }
    return { cost, needed: new Set() }
  }
}

async function tell(
  place: FencedPlace,
  damaged: readonly string[],
  gone: readonly string[],
  context: Context,
): Promise<CostOf> {
  const { signal } = context
  const repository = await place.open()
  const { snapshots } = await repository.list()
  const contents = await repository.openContents()
  const losses: LostContents[] = []
  const packs = new Map<string, string>()
  const needed = new Set<string>()
  for (const blob of [...damaged, ...gone]) {
    signal.throwIfAborted()
    const loss = await lossWith(() => contents.contentsIn(blob, { signal }))
    if (loss === undefined) continue
    if (loss.kind === "pack") packs.set(loss.file, blob)
    else if (damaged.includes(blob)) losses.push(loss)
    if (loss.kind === "pack" && loss.count > 0 && gone.includes(blob)) needed.add(blob)
  }
  const lost = await lostInPacks(contents.stored, place.files, packs.keys(), signal)
  const impact = await impactOf(
    contents,
    snapshots,
    (content) => lost.has(content) || losses.some((loss) => loss.has(content)),
    {
      gone: new Set(
        losses.flatMap((loss) => (loss.everything ? snapshots.map(({ id }) => id) : loss.snapshots)),
      ),
      most: MOST_PATHS,
      mostInAll: MOST_PATHS_IN_ALL,
      signal,
      progress: (read, known) => {
        context.progress({ done: read, total: known, unit: "items", text: "what the damage costs" })
      },
    },
  )
  const { engine } = repository
  // What could not be read for another reason is not this damage's doing: a prune may run.
  const isHit = ({ reasons }: SnapshotImpact) => reasons.includes("lost")
  const hit = impact.snapshots.filter(isHit)
  const unsure = impact.snapshots.flatMap((one) => (isHit(one) ? [] : [one.snapshot.id]))
  return {
    cost: {
      kind: "told",
      snapshots: hit.map((one) => damagedSnapshot(engine, one)),
      unsure,
      lost: lost.size,
    },
    needed,
  }
}

/** Undefined: no file that anything of the repository knows. */
async function lossWith(ask: () => Promise<LostContents>): Promise<LostContents | undefined> {
  try {
    return await ask()
  } catch (error) {
    if (error instanceof StorageError && error.code === "invalid") return undefined
    throw error
  }
}

function damagedSnapshot(
  engine: Repository["engine"],
  { snapshot, paths, beyond }: SnapshotImpact,
): DamagedSnapshot {
  const { id, start, root, source } = snapshot
  return {
    id,
    start,
    root,
    identity: identityText(engine, source),
    paths: paths.length + beyond,
    sample: paths.map(({ path }) => `/${Buffer.from(path).toString("utf8")}`),
  }
}
