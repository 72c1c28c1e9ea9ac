import type { Snapshot } from "../../../storage/index.js"
import {
  type BadBlob,
  isUnclear,
  type VerifiedSnapshot,
  type VerifyResult,
} from "../../../storage/verify/index.js"
import { identityGroup } from "../../catalog/summary.js"
import type { IntegrityRecord, SnapshotKey } from "../../findings/index.js"

/** What is told of one kind of damage in a repository's files. */
export interface BlobGroup {
  readonly code: BadBlob["code"]
  readonly count: number
  /** Some of them. */
  readonly sample: readonly string[]
}

/** What a run found of a repository as a whole. Plain: it crosses from thread to thread. */
export interface VerifySummary {
  readonly repositoryId: string
  readonly level: VerifyResult["level"]
  readonly at: number
  readonly snapshots: number
  readonly damaged: number
  /** Snapshots of which something could not be read, for no reason that is damage. */
  readonly unclear: { readonly count: number; readonly identities: readonly string[] }
  /** What is wrong and costs no snapshot anything, and what could not be read. */
  readonly blobs: readonly BlobGroup[]
  readonly unindexed: { readonly count: number; readonly bytes: number; readonly sample: readonly string[] }
  /** Why the indexes could not be read, and which file is to blame. */
  readonly problem: { readonly message: string; readonly blob: string } | undefined
  /** Every snapshot is among the keys: what is not is there no more. */
  readonly isListingWhole: boolean
  readonly counts: VerifyResult["counts"]
}

export interface VerifyReport {
  readonly summary: VerifySummary
  /** Damaged ones first. Those of which something could not be read are not among them. */
  readonly records: readonly IntegrityRecord[]
  readonly keys: readonly SnapshotKey[]
}

const MOST_SAMPLE = 10
const MOST_PATHS = 20
const MOST_IDENTITIES = 1_000

/** What looking at indexes, trees and places alone finds, too, and may take back. */
const shallow: ReadonlySet<string> = new Set(["missing", "truncated", "not_indexed", "index_lost"])

/** What is to be kept of a result. */
export function reportOf(result: VerifyResult, run: string): VerifyReport {
  const { engine, level, at, problem, unindexed } = result
  const damaged: IntegrityRecord[] = []
  const sound: IntegrityRecord[] = []
  const unclear = { count: 0, identities: new Set<string>() }
  for (const one of result.snapshots) {
    const named = { snapshot: keyOf(one.snapshot), identity: identityGroup(engine, one.snapshot) }
    if (one.ok) sound.push({ ...named, result: { ok: true, level, at } })
    else if (one.reasons.every(isUnclear)) {
      unclear.count++
      if (unclear.identities.size < MOST_IDENTITIES) unclear.identities.add(named.identity)
    } else damaged.push({ ...named, result: damageOf(one, result, run) })
  }
  return {
    records: [...damaged, ...sound],
    keys: result.snapshots.map(({ snapshot }) => keyOf(snapshot)),
    summary: {
      repositoryId: result.repositoryId,
      level,
      at,
      snapshots: result.snapshots.length,
      damaged: damaged.length,
      unclear: { count: unclear.count, identities: [...unclear.identities] },
      blobs: problem === undefined ? groupsOf(result.bad) : [],
      unindexed: {
        count: unindexed.length,
        bytes: unindexed.reduce((sum, { bytes }) => sum + bytes, 0),
        sample: unindexed.slice(0, MOST_SAMPLE).map(({ blob }) => blob),
      },
      problem: problem && { message: problem.message, blob: result.bad[0]?.blob ?? "" },
      isListingWhole: result.repositoryId !== "",
      counts: result.counts,
    },
  }
}

function keyOf({ id, start, root }: Snapshot): SnapshotKey {
  return { id, start, root }
}

function damageOf(
  { reasons, damaged, beyond }: VerifiedSnapshot,
  { level, at, problem }: VerifyResult,
  run: string,
): IntegrityRecord["result"] {
  const seenWithoutReading = problem !== undefined || reasons.every((code) => shallow.has(code))
  return {
    ok: false,
    level: seenWithoutReading ? "reachable" : level,
    at,
    reasons,
    paths: damaged.length + beyond,
    sample: damaged.slice(0, MOST_PATHS).map(({ path }) => `/${Buffer.from(path).toString()}`),
    run,
  }
}

/** Files that are damaged and needed are told by the snapshots that they cost. */
function groupsOf(bad: readonly BadBlob[]): BlobGroup[] {
  const groups = new Map<BadBlob["code"], { count: number; sample: string[] }>()
  for (const { blob, code, contents } of bad) {
    if (contents > 0 && !isUnclear(code)) continue
    const group = groups.get(code) ?? { count: 0, sample: [] }
    group.count++
    if (group.sample.length < MOST_SAMPLE) group.sample.push(blob)
    groups.set(code, group)
  }
  return [...groups].map(([code, group]) => ({ code, ...group }))
}
