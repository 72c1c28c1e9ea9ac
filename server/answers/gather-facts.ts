import { relative } from "node:path"
import {
  formatIdentity,
  identitiesOf,
  isExactly,
  isVolumeSnapshot,
  kopiaPick,
  type Pick,
  resticPick,
  sharingOf,
  similarDirectories,
  type VolumeIdentities,
  type VolumeName,
  volumeKey,
} from "../../storage/identity/index.js"
import type { Snapshot, Writer } from "../../storage/index.js"
import {
  ageOf,
  type Generation,
  identityText,
  type IdentitySummary,
  type Moment,
  type PlaceView,
} from "../catalog/index.js"
import {
  type DamageFact,
  type FenceFact,
  type FirstBackupFact,
  type HeldElsewhere,
  type HistoryFact,
  type LedgerFact,
  type ListingFact,
  type ListingFailure,
  NOT_MEASURED,
  type PickFact,
  type PinFact,
  type ProofFact,
  type RepositoryFacts,
  type RunningFact,
  type SharingFact,
  type SimilarIdentity,
  type SnapshotFact,
  type SoundSnapshot,
} from "../decision/index.js"
import type { SnapshotKey } from "../findings/index.js"
import { type FleetRepository, isPerVolume, type Spot } from "./fleet.js"
import { type GenerationIndex, indexOf, newestOf, sourceKey } from "./generation-index.js"
import type { KnownVolumes } from "./known-volumes.js"

/** What pins and ledger say of a place. */
export interface Memory {
  pinOf(place: string): PinFact
  /** What was ever seen there, in words; undefined: nothing. */
  everSeen(place: string): string | undefined
  /** Of any of these identities, or of all that were ever seen there: whether its newest complete snapshot is gone. */
  newestOf(place: string, identities: readonly string[] | "all"): LedgerFact
  /** Grows with each damage that is found or withdrawn, and each proof. */
  readonly damageVersion: number
  damageOf(place: string, snapshot: SnapshotKey): DamageFact
  /** When any snapshot of these identities was proven last to be whole, and restored; evidence only. Mostly from memory. */
  newestProof(place: string, identities: readonly string[]): VolumeProofs
  /** The newest complete snapshot of these identities that is not known to be damaged. Reads the database: asked only where the newest is damaged. */
  newestSound(place: string, identities: readonly string[]): SoundSnapshot | undefined
}

export interface VolumeProofs {
  readonly verified: ProofFact
  readonly drilled: ProofFact
}

export const noProofs: VolumeProofs = { verified: NOT_MEASURED, drilled: NOT_MEASURED }

/** What is proven of a volume's backups in one repository. */
export function gatherProofs(
  repository: FleetRepository,
  spot: Spot,
  view: PlaceView | undefined,
  volume: VolumeName,
  memory: Memory,
): VolumeProofs {
  const generation = view?.generation
  if (generation === undefined) return noProofs
  const names = repository.naming && identitiesOf(volume, repository.naming)
  const summaries = summariesFor(indexOf(generation, repository), names)
  const exact = summaries.filter(({ newest: [snapshot] }) => isExact(snapshot, generation, names))
  return memory.newestProof(
    spot.place,
    exact.map(({ identity }) => identity),
  )
}

export interface Surroundings {
  readonly now: Moment
  readonly memory: Memory
  readonly known: KnownVolumes
  /** Directories of the repository's family that hold repositories, relative to its root. */
  readonly directories: (repository: FleetRepository) => readonly string[]
}

/** A Kopia session that showed no life for this long is a killed one: it checkpoints every 45 minutes. */
const KOPIA_SESSION_MS = 2 * 3_600_000
/** restic refreshes its locks every five minutes, and itself calls one stale after thirty. */
const RESTIC_LOCK_MS = 30 * 60_000

/** Everything known of one repository with regard to one volume, from memory. Changes nothing and waits for nothing. */
export function gatherFacts(
  repository: FleetRepository,
  spot: Spot,
  view: PlaceView | undefined,
  volume: VolumeName,
  surroundings: Surroundings,
): RepositoryFacts {
  const { entry, naming, template } = repository
  const { memory, now, known } = surroundings
  const generation = view?.generation
  const index = generation && indexOf(generation, repository)
  const names = naming && identitiesOf(volume, naming)
  const summaries = summariesFor(index, names)
  const pick = generation && pickOf(generation, newestOf(summaries), names)
  const nothingPicked = pick?.candidates.length === 0
  const lookup = names === undefined ? `${volumeKey(volume)}/` : formatIdentity(names.lookup.identity)
  const exact = summaries.filter(({ newest: [snapshot] }) => isExact(snapshot, generation, names))
  const identities = names && [lookup, ...names.others.map(({ identity }) => formatIdentity(identity))]
  return {
    name: entry.name,
    engine: entry.engine,
    place: spot.directory,
    pathInStore: isPerVolume(repository) ? relative(repository.root, spot.directory) : undefined,
    perVolume: isPerVolume(repository),
    fence: fenceOf(repository, view),
    listing: listingOf(view, now),
    pin: generation === undefined ? NOT_MEASURED : memory.pinOf(spot.place),
    // The reader compares every file's SHA-256 with its name, or fails.
    namesProven: generation?.header.depth === "names" ? { kind: "proven" } : NOT_MEASURED,
    lookup,
    sharing: sharing(repository, volume, names, known, generation),
    pick: pick === undefined ? NOT_MEASURED : pickFact(pick, generation, names, damageIn(spot.place, memory)),
    history: historyOf(exact, newestSound(exact, spot.place, memory)),
    elsewhere:
      generation === undefined ? NOT_MEASURED : { kind: "looked", held: heldElsewhere(generation, names) },
    // Costs most, and matters only where the answer may be that there is nothing: also of a place that is still empty, and not
    // of one that nobody has looked at yet.
    similar:
      nothingPicked || (pick === undefined && view?.trouble !== undefined)
        ? { kind: "looked", found: similarTo(repository, volume, index, surroundings) }
        : NOT_MEASURED,
    conventions: conventionsOf(generation, index, template?.perVolume ?? false, nothingPicked),
    ledger: generation === undefined ? NOT_MEASURED : memory.newestOf(spot.place, identities ?? "all"),
    retention: NOT_MEASURED,
    running: generation === undefined ? NOT_MEASURED : runningOf(generation, names, now),
    firstBackup: firstBackupOf(repository, spot, view, memory),
    findings: NOT_MEASURED,
    oldestCompleteAgeMs:
      index?.oldestComplete === undefined ? undefined : now.wall - Number(index.oldestComplete / 1_000_000n),
  }
}

function summariesFor(
  index: GenerationIndex | undefined,
  names: VolumeIdentities | undefined,
): readonly IdentitySummary[] {
  if (index === undefined) return []
  const { user, host } = names?.lookup.identity ?? { user: "", host: "" }
  return index.bySource.get(names === undefined ? "" : sourceKey(user, host)) ?? []
}

function pickOf(
  generation: Generation,
  newest: readonly Snapshot[],
  names: VolumeIdentities | undefined,
): Pick {
  return names === undefined
    ? resticPick(newest, generation.header.depth)
    : kopiaPick(newest, names.lookup.identity)
}

function isExact(
  snapshot: Snapshot,
  generation: Generation | undefined,
  names: VolumeIdentities | undefined,
): boolean {
  if (names !== undefined) return isExactly(snapshot, names.lookup.identity)
  return generation?.header.depth === "names" || isVolumeSnapshot(snapshot)
}

function pickFact(
  pick: Pick,
  generation: Generation | undefined,
  names: VolumeIdentities | undefined,
  damageOf: (snapshot: Snapshot) => DamageFact,
): PickFact {
  const [first, ...others] = pick.candidates.map((snapshot): SnapshotFact => ({
    id: snapshot.id,
    start: snapshot.start,
    incomplete: snapshot.incomplete,
    exact: isExact(snapshot, generation, names),
    of: identityText(generation?.header.engine ?? "kopia", snapshot.source),
    bytes: snapshot.bytes,
    files: snapshot.files,
    damage: damageOf(snapshot),
  }))
  return first === undefined ? { kind: "nothing" } : { kind: "snapshot", candidates: [first, ...others] }
}

function damageIn(place: string, memory: Memory): (snapshot: Snapshot) => DamageFact {
  return (snapshot) => memory.damageOf(place, snapshot)
}

function newestSound(
  exact: readonly IdentitySummary[],
  place: string,
  memory: Memory,
): SoundSnapshot | undefined {
  let newest: Snapshot | undefined
  for (const { newestComplete } of exact)
    if (newestComplete !== undefined && (newest === undefined || newestComplete.start > newest.start))
      newest = newestComplete
  if (newest === undefined) return undefined
  const { id, start } = newest
  if (memory.damageOf(place, newest).kind !== "damaged") return { id, start }
  return memory.newestSound(
    place,
    exact.map(({ identity }) => identity),
  )
}

function historyOf(exact: readonly IdentitySummary[], sound: SoundSnapshot | undefined): HistoryFact {
  const starts = (of: (summary: IdentitySummary) => Snapshot | undefined): bigint[] =>
    exact.flatMap((summary) => of(summary)?.start ?? []).sort((a, b) => (a < b ? -1 : 1))
  return {
    snapshots: exact.reduce((sum, { snapshots }) => sum + snapshots, 0),
    complete: exact.reduce((sum, { complete }) => sum + complete, 0),
    newestComplete: starts(({ newestComplete }) => newestComplete).at(-1),
    newestSound: sound,
    oldest: starts(({ oldestComplete }) => oldestComplete)[0],
  }
}

function fenceOf({ store }: FleetRepository, view: PlaceView | undefined): FenceFact {
  if (view?.trouble?.kind === "fenced") {
    const { message, hint } = view.trouble.state
    return { kind: "broken", store: store?.name ?? "", message, hint }
  }
  if (view?.generation === undefined && view?.trouble === undefined) return NOT_MEASURED
  return store === undefined ? { kind: "lent" } : { kind: "holds" }
}

function listingOf(view: PlaceView | undefined, now: Moment): ListingFact {
  const failure = failureOf(view)
  const generation = view?.generation
  if (generation === undefined) return failure === undefined ? NOT_MEASURED : { kind: "failed", ...failure }
  return {
    kind: "listed",
    begunAt: generation.begun.mono,
    ageMs: ageOf(generation.begun, now),
    depth: generation.header.depth,
    ...(failure === undefined ? {} : { laterFailure: failure }),
  }
}

function failureOf(view: PlaceView | undefined): ListingFailure | undefined {
  if (view?.trouble?.kind !== "failed") return undefined
  const { begun, error } = view.trouble
  const { code, message, hint } = error
  // An error that is not a StorageError is a fault of ours; the answer treats it as a file that cannot be read.
  return {
    code: code === "internal" ? "io" : code,
    begunAt: begun.mono,
    message,
    ...(hint === undefined ? {} : { hint }),
  }
}

function sharing(
  repository: FleetRepository,
  volume: VolumeName,
  names: VolumeIdentities | undefined,
  known: KnownVolumes,
  generation: Generation | undefined,
): SharingFact {
  const { naming } = repository
  if (names !== undefined && naming !== undefined) {
    const has = (identity: string): boolean => generation?.identities.has(identity) ?? false
    return sharingOf(volume, names, known.claimants(repository), { naming, has })
  }
  return isPerVolume(repository) ? { kind: "alone" } : { kind: "shared", why: "one_repository", with: [] }
}

function heldElsewhere(generation: Generation, names: VolumeIdentities | undefined): HeldElsewhere[] {
  return (names?.others ?? []).flatMap(({ identity, kind }) => {
    const text = formatIdentity(identity)
    const summary = generation.identities.get(text)
    return summary === undefined ? [] : [{ identity: text, why: kind, snapshots: summary.snapshots }]
  })
}

function similarTo(
  repository: FleetRepository,
  volume: VolumeName,
  index: GenerationIndex | undefined,
  { known, directories }: Surroundings,
): SimilarIdentity[] {
  if (index?.sources !== undefined) {
    return index.sources
      .similarTo(volume, (key) => known.has(repository.entry.cluster, key))
      .map(({ identity, why }) => ({ identity: formatIdentity(identity), why }))
  }
  if (repository.template === undefined) return []
  return similarDirectories(repository.template, volume, directories(repository)).map((directory) => ({
    identity: directory,
    why: "its name is contained in the directory's",
  }))
}

function conventionsOf(
  generation: Generation | undefined,
  index: GenerationIndex | undefined,
  perVolume: boolean,
  nothingPicked: boolean,
): RepositoryFacts["conventions"] {
  if (generation === undefined || index === undefined) return NOT_MEASURED
  if (generation.identities.size === 0) return { kind: "nothing_there" }
  if (index.sources !== undefined) return { kind: index.sources.matchesNaming ? "match" : "match_none" }
  // A restic repository of one volume whose snapshots the mover does not list was not written by it.
  return { kind: perVolume && nothingPicked ? "match_none" : "match" }
}

function runningOf(generation: Generation, names: VolumeIdentities | undefined, now: Moment): RunningFact {
  const { writers, engine, snapshotCount } = generation.header
  const limit = engine === "kopia" ? KOPIA_SESSION_MS : RESTIC_LOCK_MS
  const live = writers.filter(({ lastSeen }) => now.wall - Number(lastSeen / 1_000_000n) < limit)
  const ours = live.find((writer) =>
    names === undefined
      ? snapshotCount === 0
      : [names.lookup, ...names.others].some(({ identity }) => mayBe(writer, identity)),
  )
  if (ours === undefined) return { kind: "none" }
  const writer = ours.user === undefined ? "somebody" : `${ours.user}@${ours.host ?? "?"}`
  return { kind: "running", writer, lastSeen: ours.lastSeen }
}

/** A session that does not say whose it is may be anybody's. */
function mayBe({ user, host }: Writer, identity: { user: string; host: string }): boolean {
  return (user ?? identity.user) === identity.user && (host ?? identity.host) === identity.host
}

function firstBackupOf(
  { entry }: FleetRepository,
  { place }: Spot,
  view: PlaceView | undefined,
  memory: Memory,
): FirstBackupFact {
  if (view?.trouble?.kind !== "failed") return NOT_MEASURED
  return {
    kind: "looked",
    begunAt: view.trouble.begun.mono,
    empty: view.trouble.empty,
    declaredNew: entry.new,
    everSeen: memory.everSeen(place),
  }
}
