import type { Instant } from "../../storage/instant.js"
import type {
  KeptKey,
  NewestProof,
  SnapshotIntegrityTable,
  StoredDamage,
  StoredIntegrity,
} from "../db/index.js"
import { storable } from "../ledger/index.js"
import {
  afterResult,
  deepestProof,
  type IntegrityResult,
  type Judged,
  MOST_SAMPLE,
  nothingProven,
} from "./judge-integrity.js"

/** A snapshot by what it is, not by how its engine calls it today. */
export interface SnapshotKey {
  /** The engine's own id. */
  readonly id: string
  readonly start: Instant
  /** Undefined where only names can be read. */
  readonly root: string | undefined
}

/** What one run found of one snapshot. */
export interface IntegrityRecord {
  readonly snapshot: SnapshotKey
  /** As the ledger knows it: `user@host:path`, for restic `host:path`. */
  readonly identity: string
  readonly result: IntegrityResult
}

/** A path out of a repository may be as long as its writer likes. */
const MOST_PATH = 1_000
const MOST_REASONS = 20
/** Keys that are looked at without a pause. */
const STEP = 500
/** Identities of which it is remembered when they were proven last. */
const MOST_PROOFS = 20_000

/**
 * What reading proved of each snapshot, and what it found damaged: the ledger of verify, scrub and drills, and what decisions ask. The
 * damaged ones are in memory, so that a question costs a look into a map.
 */
export class SnapshotIntegrity {
  readonly #table: SnapshotIntegrityTable
  readonly #damaged = new Map<string, Map<string, StoredIntegrity>>()
  #version = 0
  #proofVersion = 0
  readonly #proofs = new Map<string, NewestProof>()

  constructor(table: SnapshotIntegrityTable) {
    this.#table = table
    for (const row of table.damaged()) this.#hold(row)
  }

  /** Grows with each damage that is found or withdrawn: answers that rest on an earlier one are worked out anew. */
  get version(): number {
    return this.#version
  }

  /** Grows with everything that is written down. */
  get proofVersion(): number {
    return this.#proofVersion
  }

  /** When any snapshot of an identity that is not damaged was proven last to be whole, or was restored. Mostly from memory. */
  newestProof(place: string, identity: string): NewestProof {
    const key = `${place}\0${identity}`
    let proof = this.#proofs.get(key)
    if (proof === undefined) {
      proof = this.#table.newestProof(place, identity)
      if (this.#proofs.size >= MOST_PROOFS) this.#proofs.clear()
      this.#proofs.set(key, proof)
    }
    return proof
  }

  /** Writes down results of one place, all or none of them. Throws DatabaseError; then nothing counts as recorded. */
  record(place: string, records: readonly IntegrityRecord[]): void {
    const after = new Map<string, StoredIntegrity>()
    this.#table.together(() => {
      for (const { snapshot, identity, result } of records) {
        const engineId = snapshot.id
        const start = storable(snapshot.start)
        const root = rootOf(snapshot)
        const known: Judged = this.#table.get(place, start, root) ?? nothingProven
        const row = { place, start, root, identity, engineId, ...afterResult(known, bounded(result)) }
        this.#table.put(row)
        after.set(keyOf(start, root), row)
      }
    })
    this.#took(place, after)
  }

  /** Damage that is mended, or that a person found to be none: nothing is proven by it. Throws DatabaseError. */
  withdraw(place: string, snapshots: readonly SnapshotKey[]): void {
    const after = new Map<string, StoredIntegrity>()
    this.#table.together(() => {
      for (const snapshot of snapshots) {
        const root = rootOf(snapshot)
        const known = this.#table.get(place, storable(snapshot.start), root)
        if (known?.damage === undefined) continue
        const row = { ...known, damage: undefined }
        this.#table.put(row)
        after.set(keyOf(known.start, root), row)
      }
    })
    this.#took(place, after)
  }

  /** What is known to be wrong with a snapshot; undefined: nothing is known. From memory. */
  damageOf(place: string, { id, start, root }: SnapshotKey): StoredDamage | undefined {
    const there = this.#damaged.get(place)
    if (there === undefined) return undefined
    const found = there.get(keyOf(start, root ?? `${NAME}${id}`)) ?? there.get(keyOf(start, `${NAME}${id}`))
    if (found !== undefined || root !== undefined) return found?.damage
    // It was read with a password that is not known now.
    return [...there.values()].find(({ engineId }) => engineId === id)?.damage
  }

  hasDamage(place: string): boolean {
    return this.#damaged.has(place)
  }

  /** All that are known to be damaged, by place. From memory. */
  damaged(): StoredIntegrity[] {
    return [...this.#damaged.values()].flatMap((there) => [...there.values()])
  }

  /** The deepest proof of a snapshot; undefined: none, or it is damaged. Reads the database. */
  proofOf(place: string, snapshot: SnapshotKey): ReturnType<typeof deepestProof> {
    const row = this.#table.get(place, storable(snapshot.start), rootOf(snapshot))
    return row === undefined || row.damage !== undefined ? undefined : deepestProof(row)
  }

  /** Of one identity, newest first. Reads the database. */
  of(place: string, identity: string, most: number): StoredIntegrity[] {
    return this.#table.of(place, identity, most)
  }

  /** A page of all in a place that began before an instant, newest first. Reads the database. */
  inPlace(place: string, before: Instant, most: number): StoredIntegrity[] {
    return this.#table.inPlace(place, before, most)
  }

  /** Forgets the snapshots of a place that are none of these: a complete listing does not show them any more. */
  keepOnly(place: string, snapshots: Iterable<SnapshotKey>): void {
    const steps = this.keepOnlyInSteps(place, snapshots)
    while (steps.next().done !== true);
  }

  /** The same in steps of some milliseconds, for a place of many: whoever takes them gives others a turn between them. */
  *keepOnlyInSteps(place: string, snapshots: Iterable<SnapshotKey>): Generator<void, void, void> {
    const there = new Among()
    let count = 0
    for (const snapshot of snapshots) {
      there.add(snapshot)
      if (++count % STEP === 0) yield
    }
    let last: KeptKey | undefined
    do {
      const keys = this.#table.keys(place, last, STEP)
      this.#forget(
        place,
        keys.filter((row) => !there.has(row)),
      )
      last = keys.at(-1)
      yield
    } while (last !== undefined)
  }

  countIn(place: string): number {
    return this.#damaged.get(place)?.size ?? 0
  }

  /** Identities of which something is known to be damaged in a place. */
  damagedIdentities(place: string): string[] {
    return [...new Set([...(this.#damaged.get(place)?.values() ?? [])].map(({ identity }) => identity))]
  }

  /** Forgets damaged snapshots of one identity that are none of these. Costs nothing where nothing is damaged. */
  keepDamagedOnly(place: string, identity: string, snapshots: Iterable<SnapshotKey>): void {
    const damaged = [...(this.#damaged.get(place)?.values() ?? [])].filter((row) => row.identity === identity)
    if (damaged.length === 0) return
    const there = new Among()
    for (const snapshot of snapshots) there.add(snapshot)
    this.#forget(
      place,
      damaged.filter((row) => !there.has(row)),
    )
  }

  /** What was known of a place is about another repository. */
  forgetPlace(place: string): void {
    this.#table.removePlace(place)
    this.#changed()
    if (this.#damaged.delete(place)) this.#version++
  }

  #forget(place: string, gone: readonly { readonly start: Instant; readonly root: string }[]): void {
    if (gone.length === 0) return
    this.#table.together(() => {
      for (const { start, root } of gone) this.#table.remove(place, start, root)
    })
    this.#changed()
    const there = this.#damaged.get(place)
    let changed = false
    for (const { start, root } of gone) changed = there?.delete(keyOf(start, root)) === true || changed
    if (there?.size === 0) this.#damaged.delete(place)
    if (changed) this.#version++
  }

  #changed(): void {
    this.#proofVersion++
    this.#proofs.clear()
  }

  #took(place: string, after: ReadonlyMap<string, StoredIntegrity>): void {
    if (after.size > 0) this.#changed()
    let changed = false
    for (const [key, row] of after) {
      const before = this.#damaged.get(place)?.get(key)?.damage
      if (row.damage !== undefined) this.#hold(row)
      else this.#damaged.get(place)?.delete(key)
      changed = changed || JSON.stringify(before) !== JSON.stringify(row.damage)
    }
    if (this.#damaged.get(place)?.size === 0) this.#damaged.delete(place)
    if (changed) this.#version++
  }

  #hold(row: StoredIntegrity): void {
    let there = this.#damaged.get(row.place)
    if (there === undefined) this.#damaged.set(row.place, (there = new Map<string, StoredIntegrity>()))
    there.set(keyOf(row.start, row.root), row)
  }
}

const NAME = "id:"

/** As the ledger has it. */
function rootOf({ id, root }: SnapshotKey): string {
  return root ?? `${NAME}${id}`
}

function keyOf(start: Instant, root: string): string {
  return `${storable(start)}/${root}`
}

/** Whether a row is one of some snapshots: by what it is, or, where only names can be read, by its engine's id. */
class Among {
  readonly #keys = new Set<string>()
  readonly #ids = new Set<string>()

  add({ id, start, root }: SnapshotKey): void {
    this.#ids.add(id)
    if (root !== undefined) this.#keys.add(keyOf(start, root))
  }

  has({ start, root, engineId }: KeptKey): boolean {
    return this.#keys.has(keyOf(start, root)) || this.#ids.has(engineId)
  }
}

function bounded(result: IntegrityResult): IntegrityResult {
  if (result.ok) return result
  return {
    ...result,
    reasons: result.reasons.slice(0, MOST_REASONS),
    sample: result.sample.slice(0, MOST_SAMPLE).map((path) => path.slice(0, MOST_PATH)),
  }
}
