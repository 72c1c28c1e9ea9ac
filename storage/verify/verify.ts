import { availableParallelism } from "node:os"
import type { FileTree } from "../blobs/index.js"
import { StorageError } from "../errors.js"
import { impactOf } from "../impact/index.js"
import type { Listing, Repository, Snapshot } from "../repository.js"
import { damageOf, markedContents } from "./marked-contents.js"
import { writeMemory } from "./memory-image.js"
import { badBlobsOf, doubtfulPacks, type Round, round, type RoundSources } from "./round.js"
import type { BadBlob, VerifiedSnapshot, VerifyOptions, VerifyResult } from "./types.js"
import { unindexedOf } from "./unindexed.js"
import { isDamagedMetadata, withoutIndex } from "./unreadable-index.js"

const DAY_MS = 86_400_000
const USUAL_AGE_DAYS = 30
const USUAL_PATHS = 1000
const MOST_BAD = 10_000
/** Each costs all indexes and trees once more, but nothing that was read. */
const MOST_ROUNDS = 6
/** More threads than disks feed only take memory. */
const MOST_THREADS = 8

/**
 * Checks that every snapshot can be restored. What looks damaged is called so only when it still does after the snapshots were listed and
 * the indexes were read anew: a prune that ran meanwhile moves and removes what nothing needs any more, and writes the new index first.
 *
 * Throws as Repository.list and openContents do, but for damaged metadata, which is an answer; `io`, `timeout` when the whole
 * filesystem fails; `unstable` when the repository changed faster than it could be looked at; and the signal's reason.
 */
export async function verify(
  repository: Repository,
  files: FileTree,
  options: VerifyOptions,
): Promise<VerifyResult> {
  const now = options.now ?? Date.now
  const at = now()
  const day = Math.floor(at / DAY_MS)
  const age = options.maxAgeDays ?? USUAL_AGE_DAYS
  const threads = Math.min(MOST_THREADS, options.threads ?? availableParallelism())
  const facts = { engine: repository.engine, level: options.level, at }
  const sources = { repository, files, options, threads, day, since: Math.max(1, day - age) }
  let image = age === 0 ? undefined : await options.memory?.load()
  let before: ReadonlySet<string> | undefined
  for (let rounds = 1; rounds <= MOST_ROUNDS; rounds++) {
    const found = await attempt({ ...sources, image })
    if (found instanceof StorageError) return withoutIndex(found, await listed(repository), facts)
    const bad = badBlobsOf(found)
    const suspects = suspectsOf(found, bad)
    const isConfirmed = before !== undefined && suspects.every((suspect) => before?.has(suspect))
    const isWhole = suspects.length === 0
    image = imageOf(found, isWhole)
    before = new Set(suspects)
    if (!isWhole && !isConfirmed) continue
    await options.memory?.save(image)
    return resultOf(found, bad, { ...facts, rounds, isWhole, options, nowMs: now() })
  }
  throw new StorageError("unstable", `${repository.location} changed faster than it could be verified`, {
    facts: { rounds: MOST_ROUNDS },
    hint: "Verify it again when no prune or maintenance runs.",
  })
}

async function attempt(sources: RoundSources): Promise<Round | StorageError> {
  try {
    return await round(sources)
  } catch (error) {
    if (isDamagedMetadata(error)) return error
    throw error
  }
}

async function listed(repository: Repository): Promise<Listing | undefined> {
  try {
    return await repository.list()
  } catch (error) {
    if (error instanceof StorageError) return undefined
    throw error
  }
}

/** Everything that seems wrong, in words that another round has for the same thing. */
function suspectsOf({ misfits, states, rootless }: Round, bad: readonly BadBlob[]): string[] {
  const blobs = bad.map(({ blob, code }) => `${code} ${blob}`)
  const more = states.unindexedBeyond > 0 ? ["more contents in no index"] : []
  return [
    ...blobs,
    ...more,
    ...[...misfits.keys()].map((key) => `misfit ${key}`),
    ...rootless.map((id) => `root ${id}`),
  ]
}

function imageOf(found: Round, isWhole: boolean): Uint8Array {
  const { contents, states, listing, walkedDay } = found
  const { repositoryId } = listing
  const doubtful = doubtfulPacks(found)
  return writeMemory(contents.stored, states, { repositoryId, walkedDay, isWhole, doubtful })
}

interface Facts {
  readonly engine: VerifyResult["engine"]
  readonly level: VerifyResult["level"]
  readonly at: number
  readonly rounds: number
  readonly isWhole: boolean
  readonly options: VerifyOptions
  readonly nowMs: number
}

async function resultOf(found: Round, bad: readonly BadBlob[], facts: Facts): Promise<VerifyResult> {
  const { engine, level, at, rounds, isWhole, options, nowMs } = facts
  const { listing, states, packs } = found
  const damage = isWhole ? new Map<Snapshot, VerifiedSnapshot>() : await damagedSnapshots(found, options)
  const snapshots = found.snapshots.map((snapshot): VerifiedSnapshot => ({
    ...{ snapshot, ok: true, level, damaged: [], beyond: 0, reasons: [] },
    ...damage.get(snapshot),
  }))
  const { directories, read, remembered, bytesRead } = found
  return {
    engine,
    repositoryId: listing.repositoryId,
    level,
    at,
    ok: bad.length === 0 && damage.size === 0,
    snapshots,
    bad: bad.slice(0, MOST_BAD),
    badBeyond: Math.max(0, bad.length - MOST_BAD) + states.unindexedBeyond,
    unindexed: unindexedOf(packs.unindexed, listing.writers, nowMs),
    counts: { contents: states.neededCount, read, remembered, bytesRead, directories, rounds },
  }
}

async function damagedSnapshots(
  found: Round,
  options: VerifyOptions,
): Promise<Map<Snapshot, VerifiedSnapshot>> {
  const { snapshots, contents, states, misfits } = found
  const { signal, level, mostPaths = USUAL_PATHS } = options
  const marked = markedContents(contents, states, misfits)
  const impact = await impactOf(marked, snapshots, () => false, {
    most: mostPaths,
    ...(signal === undefined ? {} : { signal }),
  })
  const damaged = impact.snapshots.map(({ snapshot, paths, beyond }): [Snapshot, VerifiedSnapshot] => {
    const named = paths.map(({ path, reason }) => ({ path, code: damageOf(reason) }))
    const reasons = [...new Set(named.map(({ code }) => code))].sort()
    return [snapshot, { snapshot, ok: false, level, damaged: named, beyond, reasons }]
  })
  return new Map(damaged)
}
