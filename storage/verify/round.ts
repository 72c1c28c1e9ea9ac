import type { FileTree } from "../blobs/index.js"
import type { OpenedContents } from "../contents.js"
import type { Listing, Repository, Snapshot } from "../repository.js"
import type { StoredContents } from "../stored-contents.js"
import { checkPlaces, seePacks, type SeenPacks } from "./check-places.js"
import { ContentStates } from "./content-states.js"
import { recall, writeMemory } from "./memory-image.js"
import { Misfits } from "./misfits.js"
import { PackPlan } from "./pack-plan.js"
import { readJobs } from "./reading-threads.js"
import type { BadBlob, VerifyOptions, VerifyProgress } from "./types.js"
import { walkTrees } from "./walk-trees.js"

export interface RoundSources {
  readonly repository: Repository
  readonly files: FileTree
  readonly options: VerifyOptions
  readonly threads: number
  /** Today, in days from 1970. */
  readonly day: number
  /** Before this day nothing is believed. */
  readonly since: number
  /** What an earlier round or run left. */
  readonly image: Uint8Array | undefined
}

/** What one look at the whole repository found, by the indexes of one moment. */
export interface Round {
  readonly listing: Listing
  /** Of the listing, which makes them at each look. */
  readonly snapshots: readonly Snapshot[]
  readonly contents: OpenedContents
  readonly states: ContentStates
  readonly misfits: Misfits
  readonly packs: SeenPacks
  /** Packs of which the end is damaged. */
  readonly damagedEnds: ReadonlySet<number>
  readonly walkedDay: number
  readonly directories: number
  readonly rootless: readonly string[]
  readonly read: number
  readonly remembered: number
  readonly bytesRead: number
}

/** Snapshots first, then indexes, packs last: so that each names nothing that the next cannot know. */
export async function round(sources: RoundSources): Promise<Round> {
  const { repository, options, day, since, image } = sources
  const { signal } = options
  const progress = (told: Partial<VerifyProgress> & Pick<VerifyProgress, "phase">): void => {
    options.progress?.({ items: 0, totalItems: undefined, bytes: 0, totalBytes: undefined, ...told })
  }
  progress({ phase: "indexes" })
  const withSignal = signal === undefined ? {} : { signal }
  const listing = await repository.list(withSignal)
  const contents = await repository.openContents(withSignal)
  const { stored } = contents
  const states = new ContentStates(stored)
  const misfits = new Misfits()
  const { repositoryId } = listing
  const recalled = image === undefined ? undefined : recall(image, stored, states, { repositoryId, since })

  const { snapshots } = listing
  const walked = await walkTrees(snapshots, {
    contents,
    states,
    misfits,
    day,
    signal,
    progress: (items, totalItems) => {
      progress({ phase: "trees", items, totalItems })
    },
  })
  progress({ phase: "packs" })
  const packs = await seePacks(stored, signal)
  checkPlaces(stored, states, packs)
  const walkedDay = recalled?.walkedDay ?? day
  const found = { listing, snapshots, contents, states, misfits, packs, ...walked, walkedDay }
  const damagedEnds = new Set<number>()
  if (options.level !== "read") return { ...found, damagedEnds, read: 0, bytesRead: 0, remembered: 0 }
  try {
    const reading = await readAll(sources, stored, states, packs, damagedEnds, progress)
    return { ...found, damagedEnds, ...reading, remembered: recalled?.read ?? 0 }
  } catch (error) {
    // What was read until now need not be read again.
    states.settleSuspects()
    const doubtful = doubtfulPacks({ states, damagedEnds })
    await options.memory?.save(
      writeMemory(stored, states, { repositoryId, walkedDay, isWhole: false, doubtful }),
    )
    throw error
  }
}

/** Packs of which something is damaged that nothing is lost by. */
export function doubtfulPacks({ states, damagedEnds }: Pick<Round, "states" | "damagedEnds">): Set<number> {
  return new Set([...damagedEnds, ...states.badPlaces.map(({ pack }) => pack)])
}

async function readAll(
  { files, options, threads, day }: RoundSources,
  stored: StoredContents,
  states: ContentStates,
  packs: SeenPacks,
  damagedEnds: Set<number>,
  progress: (told: Partial<VerifyProgress> & Pick<VerifyProgress, "phase">) => void,
): Promise<Pick<Round, "read" | "bytesRead">> {
  const plan = new PackPlan(stored, states, packs)
  let [items, bytes] = [0, 0]
  const { signal, directory } = options
  await readJobs(plan.jobs(), { files, opener: stored.opener, directory, threads, signal }, (job, result) => {
    // A result of a thread holds no more than what was wrong.
    const codes = new Map(result.lost.map(({ item, code }) => [item, code]))
    for (const [item, row] of job.rows.entries()) {
      const code = codes.get(item)
      // Of several places one is enough. The last failure is kept until all are known.
      if (code === undefined) states.markRead(row, day)
      else states.markSuspect(row, job.pack, code)
    }
    if (result.endDamaged) damagedEnds.add(job.pack)
    items += job.items.length
    bytes += result.bytes
    progress({ phase: "contents", items, totalItems: plan.items, bytes, totalBytes: plan.bytes })
  })
  states.settleSuspects()
  return { read: items, bytesRead: bytes }
}

/** What is wrong with packs, whatever snapshots need of them; what lies in them is counted. */
export function badBlobsOf({ contents: { stored }, states, packs, damagedEnds }: Round): BadBlob[] {
  const lost = new Map<string, { pack: number; code: BadBlob["code"]; contents: number }>()
  const note = (pack: number, code: BadBlob["code"], count: number): void => {
    const key = `${pack} ${code}`
    const known = lost.get(key)
    if (known === undefined) lost.set(key, { pack, code, contents: count })
    else known.contents += count
  }
  const isTold = new Uint8Array(stored.packCount)
  for (let row = 0; row < stored.contentCount; row++) {
    const code = states.lossOf(row)
    if (code === undefined) continue
    for (const place of stored.placesAt(row)) {
      const { pack } = stored.placeAt(place)
      note(pack, code, 1)
      isTold[pack] = 1
    }
  }
  for (const { pack, code } of states.badPlaces) {
    if (isTold[pack] === 1) continue
    note(pack, code, 0)
    isTold[pack] = 1
  }
  for (let pack = 0; pack < stored.packCount; pack++) {
    const [expected, length = -1] = [stored.expectedLength(pack), packs.lengths[pack]]
    if (isTold[pack] === 1 || expected === undefined || length === expected) continue
    // An index may name more than is left of a pack that nothing needs any more; only what is there can be of a wrong length.
    note(pack, length < 0 ? "missing" : "wrong_length", 0)
    isTold[pack] = 1
  }
  for (const pack of damagedEnds) if (isTold[pack] === 0) note(pack, "damaged_end", 0)
  const bad = [...lost.values()].map(({ pack, code, contents }) => ({
    blob: stored.packFile(pack),
    code,
    contents,
  }))
  for (const content of states.unindexed) bad.push({ blob: content, code: "not_indexed", contents: 1 })
  return bad
}
