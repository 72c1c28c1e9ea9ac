import { isUnclear } from "../../../storage/verify/index.js"
import type { VolumeKey } from "../../db/index.js"
import type { Fact } from "../../findings/index.js"
import type { BlobGroup, VerifySummary } from "./verify-report.js"

export interface VerifiedPlace {
  readonly place: string
  readonly directory: string
  readonly volumesIn: (place: string) => readonly VolumeKey[]
  readonly volumesOf: (place: string, identity: string) => readonly VolumeKey[]
}

/** What a run tells besides the damaged snapshots, for the scopes that it looked at. */
export interface VerifyFacts {
  /** What each verify sees. */
  readonly reachable: readonly Fact[]
  /** What only reading shows; undefined: nothing was read, and nothing is known of it. */
  readonly read: readonly Fact[] | undefined
}

/** Seen by their place and length, whatever is in them. */
const seenWithoutReading: ReadonlySet<string> = new Set(["missing", "wrong_length"])

export function factsOf(summary: VerifySummary, at: VerifiedPlace): VerifyFacts {
  const { level, blobs } = summary
  const isShallow = ({ code }: BlobGroup): boolean => level === "reachable" || seenWithoutReading.has(code)
  const fact = (group: BlobGroup): Fact => blobFact(group, summary, at)
  return {
    reachable: [
      ...indexFacts(summary, at),
      ...unindexedFacts(summary, at),
      ...blobs.filter(isShallow).map(fact),
    ],
    read: level === "reachable" ? undefined : blobs.filter((group) => !isShallow(group)).map(fact),
  }
}

function indexFacts({ problem }: VerifySummary, { place, directory, volumesIn }: VerifiedPlace): Fact[] {
  if (problem === undefined) return []
  return [
    {
      code: "index_unreadable",
      severity: "critical",
      subject: { kind: "repository", key: place },
      title: `${directory}: its index cannot be read: ${problem.message}`,
      hint: "No engine restores anything without it. Bring the named file back from a copy of the repository, or have the real engine rebuild the index.",
      evidence: { directory, blob: problem.blob },
      volumes: volumesIn(place),
    },
  ]
}

function unindexedFacts({ unindexed }: VerifySummary, at: VerifiedPlace): Fact[] {
  const { count, bytes, sample } = unindexed
  const { place, directory, volumesIn } = at
  if (count === 0) return []
  return [
    {
      code: "packs_not_indexed",
      severity: "warning",
      subject: { kind: "repository", key: place },
      title: `${directory}: ${files(count)} of data ${count === 1 ? "is" : "are"} named by no index`,
      hint: "A mover that was killed leaves such files, and maintenance or prune takes them away. If they stay, or snapshots are missing that you expect, an index was lost: bring it back from a copy of the repository, or rebuild it with the real engine.",
      evidence: { directory, count, bytes, blobs: sample },
      volumes: volumesIn(place),
    },
  ]
}

const words: Readonly<Record<BlobGroup["code"], string>> = {
  missing: "that the index names is not there",
  truncated: "ends too early",
  not_indexed: "is in no index",
  corrupt: "is damaged",
  io: "could not be read, because the disk failed",
  unreadable: "may not be read",
  unsupported: "is of a kind that Cistern does not know",
  wrong_length: "is not as long as its index says",
  damaged_end: "is damaged at its end",
  index_lost: "is lost",
}

function blobFact({ code, count, sample }: BlobGroup, { unclear }: VerifySummary, at: VerifiedPlace): Fact {
  const { place, directory, volumesIn, volumesOf } = at
  const isOpen = isUnclear(code)
  const what = count === 1 ? `a file ${words[code]}` : `${files(count)}: each ${words[code]}`
  return {
    code: `blobs_${code}`,
    severity: code === "io" ? "critical" : "warning",
    subject: { kind: "repository", key: place },
    title: `${directory}: ${what}${isOpen ? openEnd(unclear.count) : "; nothing that a restore of today needs"}`,
    hint: isOpen
      ? "This is no proof of damage. Look at the disk and at who may read the files, then verify again."
      : "No snapshot loses anything by it. Bring the named files back from a copy of the repository, or let maintenance or prune take them away.",
    evidence: { directory, count, blobs: sample, ...(isOpen ? { snapshots: unclear.count } : {}) },
    volumes: isOpen ? unclear.identities.flatMap((identity) => volumesOf(place, identity)) : volumesIn(place),
  }
}

function openEnd(snapshots: number): string {
  if (snapshots === 0) return ""
  return `, so that ${snapshots} ${snapshots === 1 ? "snapshot is" : "snapshots are"} neither proven nor known to be damaged`
}

function files(count: number): string {
  return `${count} ${count === 1 ? "file" : "files"}`
}
