import type { FenceRecord } from "../../storage/disk/index.js"
import type { Clock, Witnessed } from "../catalog/index.js"
import type { DamageFact, LedgerFact, PinFact, ProofFact, SoundSnapshot } from "../decision/index.js"
import { NOT_MEASURED } from "../decision/index.js"
import type { SnapshotIntegrity, SnapshotKey } from "../findings/index.js"
import type { Ledger } from "../ledger/index.js"
import type { Memory, VolumeProofs } from "./gather-facts.js"

export interface LedgerMemoryParts {
  readonly ledger: Ledger
  /** What was found damaged. */
  readonly integrity: SnapshotIntegrity
  readonly clock: Clock
  /** Keeps the live metadata files of a place over a restart. */
  readonly marks: {
    get(place: string): readonly string[] | undefined
    put(place: string, marks: readonly string[], at: number): void
  }
  readonly keepFence: (place: string, record: FenceRecord) => void
  readonly log: { warn(fields: object, message: string): void; info(fields: object, message: string): void }
}

/** Lets pins and ledger witness every listing before anybody decides by it, and tells decisions what they remember. */
export class LedgerMemory implements Memory {
  readonly #parts: LedgerMemoryParts
  readonly #changed = new Map<string, PinFact & { kind: "changed" }>()
  readonly #marks = new Map<string, readonly string[]>()

  constructor(parts: LedgerMemoryParts) {
    this.#parts = parts
  }

  /** False: another repository than the pinned one was seen, and nothing of it is remembered. */
  witness({ spec, header, changes, removed, full, fence }: Witnessed): boolean {
    const { ledger, clock, keepFence } = this.#parts
    const { place } = spec
    const at = clock.now().wall
    const { engine, repositoryId, fingerprint } = header
    const seen = { engine, repositoryId, fingerprint }
    const check = ledger.pins.check(place, seen, at)
    if (check.kind === "changed") {
      const shown = (pin: typeof seen): string =>
        pin.repositoryId === "" ? pin.fingerprint : pin.repositoryId
      const pinned = check.from.repositoryId === "" ? check.from.fingerprint : check.from.repositoryId
      this.#changed.set(place, { kind: "changed", pinned, found: shown(seen) })
      return false
    }
    if (check.kind === "new") {
      ledger.pins.pin(place, seen, at)
      this.#parts.log.info({ place, engine, repositoryId }, "repository adopted and pinned")
    }
    this.#changed.delete(place)
    const complete = new Map(changes.map(({ summary, sightings }) => [summary.identity, sightings]))
    const absent = full ? undefined : removed.map(({ identity }) => identity)
    ledger.sightings.record({ place, repositoryId, complete, absent, at })
    this.#forgetDamage({ place, changes, removed, full })
    this.#keepMarks(place, header.marks, at)
    if (fence !== undefined) keepFence(place, fence)
    return true
  }

  marksOf(place: string): readonly string[] {
    const known = this.#marks.get(place) ?? this.#parts.marks.get(place) ?? []
    this.#marks.set(place, known)
    return known
  }

  /** A person acknowledged a change of this place: what was worked out of it is worked out anew. */
  forget(place: string): void {
    this.#marks.delete(place)
    this.#changed.delete(place)
  }

  pinOf(place: string): PinFact {
    const changed = this.#changed.get(place)
    if (changed !== undefined) return changed
    return this.#parts.ledger.pins.get(place) === undefined ? NOT_MEASURED : { kind: "matches" }
  }

  everSeen(place: string): string | undefined {
    return this.#parts.ledger.everSaw(place)
  }

  newestOf(place: string, identities: readonly string[] | "all"): LedgerFact {
    const { sightings } = this.#parts.ledger
    const names = identities === "all" ? sightings.identities(place) : identities
    for (const identity of names) {
      const gone = sightings.newestGone(place, identity)
      if (gone !== undefined) return { kind: "newest_gone", identity, start: gone.start }
    }
    return names.some((identity) => sightings.sawIdentity(place, identity))
      ? { kind: "newest_present" }
      : { kind: "never_seen" }
  }

  get damageVersion(): number {
    const { version, proofVersion } = this.#parts.integrity
    return version + proofVersion
  }

  damageOf(place: string, snapshot: SnapshotKey): DamageFact {
    const damage = this.#parts.integrity.damageOf(place, snapshot)
    return damage === undefined
      ? NOT_MEASURED
      : { kind: "damaged", reasons: damage.reasons, paths: damage.paths }
  }

  newestProof(place: string, identities: readonly string[]): VolumeProofs {
    const proofs = identities.map((identity) => this.#parts.integrity.newestProof(place, identity))
    return {
      verified: newestOf(proofs.map(({ verified }) => verified)),
      drilled: newestOf(proofs.map(({ drilled }) => drilled)),
    }
  }

  newestSound(place: string, identities: readonly string[]): SoundSnapshot | undefined {
    const { ledger, integrity } = this.#parts
    const most = integrity.countIn(place) + 1
    let newest: SnapshotKey | undefined
    for (const identity of identities) {
      const sound = ledger.sightings
        .newestListed(place, identity, most)
        .map(({ engineId, start, root }) => ({ id: engineId, start, root }))
        .find((snapshot) => integrity.damageOf(place, snapshot) === undefined)
      if (sound !== undefined && (newest === undefined || sound.start > newest.start)) newest = sound
    }
    if (newest === undefined) return undefined
    const proof = integrity.proofOf(place, newest)
    const proven = proof && { level: proof.level, at: BigInt(proof.at) * 1_000_000n }
    return { id: newest.id, start: newest.start, proven }
  }

  /** What is damaged and gone needs nobody's care any more. Costs nothing where nothing is damaged. */
  #forgetDamage({
    place,
    changes,
    removed,
    full,
  }: Pick<Witnessed, "changes" | "removed" | "full"> & { place: string }): void {
    const { integrity, log } = this.#parts
    if (!integrity.hasDamage(place)) return
    const shown = new Map(
      changes.map(({ summary, sightings }) => [summary.identity, [...sightings, ...summary.newest]]),
    )
    for (const { identity } of removed) if (!shown.has(identity)) shown.set(identity, [])
    if (full)
      for (const identity of integrity.damagedIdentities(place))
        if (!shown.has(identity)) shown.set(identity, [])
    try {
      for (const [identity, snapshots] of shown) integrity.keepDamagedOnly(place, identity, snapshots)
    } catch (error) {
      // It stays known as damaged, and is tried again with the next listing that shows a change.
      log.warn({ place, err: error }, "damage of snapshots that are gone could not be forgotten")
    }
  }

  #keepMarks(place: string, marks: readonly string[], at: number): void {
    const known = this.marksOf(place)
    if (known.length === marks.length && known.every((mark, index) => mark === marks[index])) return
    this.#marks.set(place, marks)
    try {
      this.#parts.marks.put(place, marks, at)
    } catch (error) {
      // Known in memory all the same; after a restart one change less would be noticed, and the disk is full anyway.
      this.#parts.log.warn({ place, err: error }, "the live metadata files could not be written down")
    }
  }
}

function newestOf(times: readonly (number | undefined)[]): ProofFact {
  const known = times.filter((time) => time !== undefined)
  if (known.length === 0) return { kind: "never" }
  return { kind: "at", time: BigInt(Math.max(...known)) * 1_000_000n, ok: true }
}
