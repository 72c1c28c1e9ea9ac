import type { DrillSettings } from "../../config/index.js"
import type { StoredDrill } from "../../db/index.js"
import type { Fact } from "../../findings/index.js"
import type { Outcome } from "../../jobs/index.js"
import type { ListedPlace, ReadingParts } from "../parts.js"
import { drillFacts } from "./facts.js"
import { dueTargets, isWrong, type LastDrill, lastOf, type Target, targetsOf, volumeText } from "./plan.js"
import type { DrillOrder, DrillQuestion, DrillReply } from "./questions.js"

export interface DrillRoundParts {
  readonly parts: ReadingParts
  readonly place: string
  readonly run: string
  readonly settings: DrillSettings
  readonly listed: ListedPlace
}

/** After so long a run begins no further drill: others wait for the disk. The next night goes on. */
const LONGEST_MS = 6 * 3_600_000

/** What the daemon's thread does for one run of drills: says what is next, and takes what came of it. */
export class DrillRound {
  readonly #of: DrillRoundParts
  readonly #rows: Map<string, StoredDrill>
  readonly #targets: readonly Target[]
  readonly #begun: number
  readonly #done = new Set<string>()
  #now: { readonly target: Target; readonly withEngine: boolean } | undefined
  readonly #results: LastDrill[] = []

  constructor(of: DrillRoundParts) {
    this.#of = of
    const { parts, place, listed } = of
    const now = parts.clock.now().wall
    this.#begun = parts.clock.now().mono
    this.#targets = targetsOf(
      listed.identities,
      ({ newest }) => parts.volumesOfSource(place, newest[0].source),
      now,
    )
    this.#rows = new Map(parts.drills.of(place).map((row) => [volumeText(row), row]))
    this.#keepVolumes(now)
  }

  hasDue(): boolean {
    return this.#due().length > 0
  }

  answer(question: DrillQuestion): unknown {
    if (question.ask === "next") return this.#next()
    this.#take(question.reply)
    return undefined
  }

  /** The run could not go on: with another volume the next one may. Throws DatabaseError. */
  failed(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error)
    if (this.#now !== undefined) this.#take({ kind: "impossible", reason: "failed", message })
  }

  facts(): Fact[] {
    const { place, settings, parts } = this.#of
    return drillFacts(this.#targets, this.#rows, {
      place,
      now: parts.clock.now().wall,
      everyMs: settings.everyMs,
    })
  }

  outcome(): Outcome {
    const held = this.#results.filter(({ checks }) => checks !== undefined)
    const bad = held.filter(isWrong)
    const not = this.#results.filter(({ checks }) => checks === undefined)
    const bytes = held.reduce((sum, one) => sum + (one.bytes ?? 0), 0)
    const facts = {
      drilled: held.length,
      failed: bad.length,
      notHeld: not.length,
      bytes,
      due: this.#due().length,
      volumes: this.#targets.length,
    }
    if (bad.length > 0) {
      const message = `${bad.length} of ${held.length} drilled backups failed: ${bad[0]?.identity ?? ""}`
      return { outcome: "findings", message, facts }
    }
    const [first] = not
    if (held.length === 0 && first !== undefined)
      return { outcome: "skipped", reason: first.reason ?? "impossible", message: first.why ?? "" }
    return { outcome: "ok", ...(held.length === 0 ? { message: "nothing is due" } : {}), facts }
  }

  #due(): Target[] {
    const { parts, settings } = this.#of
    const targets = this.#targets.filter(({ volume }) => !this.#done.has(volumeText(volume)))
    return dueTargets(targets, this.#rows, { now: parts.clock.now().wall, everyMs: settings.everyMs })
  }

  #next(): DrillOrder | undefined {
    const { parts, settings } = this.#of
    if (parts.clock.now().mono - this.#begun > LONGEST_MS) return undefined
    const [target] = this.#due()
    if (target === undefined) return undefined
    const { volume, snapshot } = target
    const withEngine = this.#wantsEngine(target)
    this.#now = { target, withEngine }
    return {
      volume: volumeText(volume),
      snapshot,
      sentinels: settings.sentinels[`${volume.namespace}/${volume.pvc}`] ?? [],
      withEngine,
    }
  }

  #wantsEngine({ volume }: Target): boolean {
    const { engineEveryMs } = this.#of.settings
    if (engineEveryMs === undefined) return false
    const now = this.#of.parts.clock.now().wall
    const at = this.#rows.get(volumeText(volume))?.engineAt ?? undefined
    return at === undefined || at > now || now - at >= engineEveryMs
  }

  #take(reply: DrillReply): void {
    if (this.#now === undefined) throw new Error("nothing is being drilled")
    const { target } = this.#now
    this.#now = undefined
    const key = volumeText(target.volume)
    this.#done.add(key)
    if (reply.kind === "gone") return
    const { parts, place } = this.#of
    const at = parts.clock.now().wall
    const before = this.#rows.get(key)
    if (before === undefined) throw new Error("a volume is drilled that is not known")
    if (reply.kind === "drilled") this.#record(target, reply, at)
    const last = this.#lastOf(target, reply, at)
    this.#results.push(last)
    // What could not be held says nothing new of what was told before.
    const kept = reply.kind === "impossible" && isKnownWrong(before) ? before.last : JSON.stringify(last)
    const row: StoredDrill = {
      ...before,
      place,
      // Whether there is room is seen at once, and may change at any time.
      ...(reply.kind === "impossible" && reply.reason === "no_space" ? {} : { triedAt: at }),
      last: kept,
      ...(reply.kind === "drilled" ? { drilledAt: at } : {}),
      ...(reply.kind === "drilled" && reply.whole ? { provenAt: at } : {}),
      ...(reply.kind === "drilled" && compared(reply) ? { engineAt: at } : {}),
    }
    parts.drills.put(row)
    this.#rows.set(key, row)
  }

  #record(
    { snapshot, identity }: Target,
    { damage, whole }: Extract<DrillReply, { kind: "drilled" }>,
    at: number,
  ): void {
    const { parts, place, run } = this.#of
    const { id, start, root } = snapshot
    if (damage !== undefined) {
      const result = { ok: false, level: "restored", at, run, ...damage } as const
      parts.integrity.record(place, [{ snapshot: { id, start, root }, identity, result }])
    } else if (whole) {
      const result = { ok: true, level: "restored", at } as const
      parts.integrity.record(place, [{ snapshot: { id, start, root }, identity, result }])
    }
  }

  #lastOf(
    { snapshot, identity }: Target,
    reply: Exclude<DrillReply, { kind: "gone" }>,
    at: number,
  ): LastDrill {
    const { id, start, root } = snapshot
    const about = { at, run: this.#of.run, identity, snapshot: { id, start: String(start), root } }
    if (reply.kind === "impossible")
      return { ...about, checks: undefined, reason: reply.reason, why: reply.message }
    const { files, bytes, seconds, rate, checks, damage } = reply
    return { ...about, checks, files, bytes, seconds, rate, ...(damage && { damaged: damage.paths }) }
  }

  /** Those that are new wait from now on; those whose backups are gone are forgotten. */
  #keepVolumes(now: number): void {
    const { drills } = this.#of.parts
    const { place } = this.#of
    const wanted = new Set(this.#targets.map(({ volume }) => volumeText(volume)))
    for (const [key, row] of this.#rows) {
      if (wanted.has(key)) continue
      drills.remove(row)
      this.#rows.delete(key)
    }
    const fresh = this.#targets.flatMap(({ volume }): StoredDrill[] => {
      if (this.#rows.has(volumeText(volume))) return []
      const never = { triedAt: null, drilledAt: null, provenAt: null, engineAt: null, last: null }
      return [{ ...volume, place, knownSince: now, ...never }]
    })
    drills.putAll(fresh)
    for (const row of fresh) this.#rows.set(volumeText(row), row)
  }
}

function compared({ checks }: Extract<DrillReply, { kind: "drilled" }>): boolean {
  return checks.some(({ name, status }) => name === "engine" && (status === "ok" || status === "failed"))
}

function isKnownWrong(row: StoredDrill): boolean {
  const last = lastOf(row)
  return last !== undefined && isWrong(last)
}
