import { realpathSync } from "node:fs"
import { type OpenedContents, type Repository, Secret, StorageError } from "../../../storage/index.js"
import { drill, type DrillResult, restoreWithEngine } from "../../../storage/restore/index.js"
import { checkSqlite } from "../../db/index.js"
import type { JobContext } from "../../jobs/index.js"
import type { FencedPlace } from "../fenced-place.js"
import { isListed, readAgain } from "./confirm-damage.js"
import type { DrillDamage, DrillInput, DrillOrder, DrillReply } from "./questions.js"
import { watchRoom } from "./room-watch.js"
import { standingBack } from "./standing-back.js"

export interface OneDrillParts {
  readonly context: JobContext
  readonly place: FencedPlace
  readonly repository: Repository
  readonly input: DrillInput
}

/** Drills one snapshot, and asks twice before it says that a backup is damaged. */
export class OneDrill {
  readonly #parts: OneDrillParts
  #opened: { readonly contents: OpenedContents; readonly at: number } | undefined

  constructor(parts: OneDrillParts) {
    this.#parts = parts
  }

  /** Throws StorageError when nothing more can be drilled: the repository cannot be read, the scratch space is not there. */
  async hold(order: DrillOrder, hasEngine: boolean): Promise<DrillReply> {
    const { repository, context } = this.#parts
    let result: DrillResult
    try {
      result = await this.#drill(order, hasEngine)
    } catch (error) {
      context.signal.throwIfAborted()
      if (error instanceof StorageError && error.code === "no_space") return impossible(error)
      throw error
    }
    const { restored, checks, files, bytes, seconds, rate } = result
    // A prune took contents away under it, or something is wrong.
    if (restored.reopened || restored.failedCount > 0) this.#opened = undefined
    if (restored.stopped?.code === "no_space") return impossible(restored.stopped)
    if (restored.stopped !== undefined) throw restored.stopped
    const figures = { kind: "drilled", files, bytes, seconds, rate, checks } as const
    const suspects = restored.failed.filter(({ code }) => suspicious.has(code))
    if (restored.failedCount === 0) return { ...figures, damage: undefined, whole: isWhole(result) }
    if (!(await isListed(repository, order.snapshot, context.signal))) return { kind: "gone" }
    const again = await readAgain(repository, order.snapshot, suspects, context)
    if (again.length > 0) return { ...figures, damage: damageOf(again, suspects.length), whole: false }
    const [first] = restored.failed
    const what = `${restored.failedCount} entries could not be restored: ${first?.message ?? ""}`
    if (suspects.length > 0) {
      const message = `${what}; a moment later they could be read`
      return { kind: "impossible", reason: "unstable", message }
    }
    return { kind: "impossible", reason: first?.code ?? "unreadable", message: what }
  }

  async #drill({ snapshot, sentinels, withEngine, volume }: DrillOrder, hasEngine: boolean) {
    const { repository, context, place, input } = this.#parts
    const { scratch, notWithin, minFreeBytes, mostBytes, spec, program } = input
    const contents = await this.#contents()
    const room = watchRoom(scratch, minFreeBytes)
    const signal = AbortSignal.any([context.signal, room.signal])
    const total = snapshot.bytes
    const real = {
      engine: repository.engine,
      program,
      repository: realpathSync(place.directory),
      password: spec.password === undefined ? undefined : new Secret(spec.password),
      snapshot,
    }
    try {
      return await drill(standingBack(contents, context), snapshot, scratch, {
        sentinels,
        checkSqlite,
        notWithin: [place.directory, ...notWithin],
        reopen: async () => standingBack(await repository.openContents({ signal }), context),
        signal,
        keepFree: minFreeBytes,
        mostBytes,
        onProgress: (phase, bytes) => {
          context.progress({
            done: bytes,
            total,
            unit: "bytes",
            text: `${volume}: ${phase.replaceAll("_", " ")}`,
          })
        },
        ...(withEngine && hasEngine ? { withEngine: restoreWithEngine(real) } : {}),
      })
    } finally {
      room.end()
    }
  }

  async #contents(): Promise<OpenedContents> {
    const { repository, context } = this.#parts
    const now = performance.now()
    if (this.#opened === undefined || now - this.#opened.at > FRESH_MS)
      this.#opened = { contents: await repository.openContents({ signal: context.signal }), at: now }
    return this.#opened.contents
  }
}

/** Indexes are read anew only now and then: hundreds of small volumes share them. */
const FRESH_MS = 10 * 60_000

/** What may be the backup's fault. That a disk does not read, or the scratch disk takes no such name, is not. */
const suspicious: ReadonlySet<string> = new Set(["missing", "corrupt", "invalid"])

function isWhole({ restored, checks }: DrillResult): boolean {
  const proving = new Set(["restored", "read_back", "count", "size", "engine"])
  return (
    restored.failedCount === 0 &&
    checks.every(({ name, status }) => status !== "failed" || !proving.has(name))
  )
}

function damageOf(again: readonly { path: string; code: string }[], count: number): DrillDamage {
  return {
    reasons: [...new Set(again.map(({ code }) => code))],
    paths: Math.max(count, again.length),
    sample: again.slice(0, MOST_SAMPLE).map(({ path }) => path),
  }
}

const MOST_SAMPLE = 20

function impossible({ code, message, hint }: StorageError): DrillReply {
  return { kind: "impossible", reason: code, message: hint === undefined ? message : `${message}. ${hint}` }
}
