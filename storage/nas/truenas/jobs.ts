import { setTimeout as delay } from "node:timers/promises"
import { z } from "zod"
import { isJsonObject } from "../../bytes/index.js"
import { StorageError } from "../../errors.js"
import type { TrueNasApi } from "./client.js"

const job = z.object({
  id: z.number(),
  state: z.string(),
  result: z.unknown(),
  error: z.string().nullable(),
})

export interface JobTimes {
  readonly patienceMs: number
  /** How long to rely on being told, which ends with the connection, before looking. */
  readonly lookEveryMs: number
}

const TIMES: JobTimes = { patienceMs: 180_000, lookEveryMs: 5_000 }

/**
 * Calls a method that is a job, and waits for its end (reference nas-platforms.md §2.5). Gives its result. Throws StorageError `unsupported`
 * for a job that failed, `timeout` for one that has not ended, and as TrueNasApi.call does.
 */
export async function runJob<T>(
  api: TrueNasApi,
  method: string,
  params: readonly unknown[],
  schema: z.ZodType<T>,
  { patienceMs, lookEveryMs }: JobTimes = TIMES,
): Promise<T> {
  const deadline = performance.now() + patienceMs
  // Before the call: a short job is over before a later subscription begins.
  const news = new JobNews()
  const stop = await api.listen((name, told) => {
    news.tell(name, told)
  })
  const subscription = await api.call("core.subscribe", ["core.get_jobs"], z.string())
  try {
    const id = await api.call(method, params, z.number().int())
    for (;;) {
      const ended = await lookAt(api, id)
      if (ended !== undefined) return resultOf(method, ended, schema)
      if (performance.now() > deadline) throw notOver(method, id, patienceMs)
      await news.of(id, Math.min(lookEveryMs, Math.max(1, deadline - performance.now())))
    }
  } finally {
    stop()
    await api.call("core.unsubscribe", [subscription], z.unknown()).catch(() => undefined)
  }
}

/** The job's record once it is over; undefined while it runs, and while nobody can tell. */
async function lookAt(api: TrueNasApi, id: number): Promise<z.output<typeof job> | undefined> {
  try {
    const filter = [["id", "=", id]]
    const [found] = await api.call("core.get_jobs", [filter, { extra: { raw_result: true } }], z.array(job))
    return found === undefined || found.state === "WAITING" || found.state === "RUNNING" ? undefined : found
  } catch (error) {
    // The job goes on whether or not there is a connection.
    if (error instanceof StorageError && (error.code === "io" || error.code === "timeout")) return undefined
    throw error
  }
}

function resultOf<T>(
  method: string,
  { state, result, error, id }: z.output<typeof job>,
  schema: z.ZodType<T>,
): T {
  const facts = { method, job: id, state }
  if (state !== "SUCCESS") {
    const why = (error ?? "without a word").replace(/\s+/g, " ").slice(0, 400)
    throw new StorageError("unsupported", `TrueNAS' job ${method} ended as ${state}: ${why}`, {
      facts,
      hint: "Look at the job in TrueNAS' task manager.",
    })
  }
  const parsed = schema.safeParse(result)
  if (parsed.success) return parsed.data
  throw new StorageError("corrupt", `TrueNAS' job ${method} gives something else`, { facts })
}

function notOver(method: string, id: number, patienceMs: number): StorageError {
  return new StorageError("timeout", `TrueNAS' job ${method} was not over within ${patienceMs / 1000} s`, {
    facts: { method, job: id },
    hint: "Look at the job in TrueNAS' task manager.",
  })
}

/** What was told of jobs, also before anybody knew which one to wait for. */
class JobNews {
  readonly #changed = new Set<number>()
  #wake: (() => void) | undefined

  tell(name: string, told: unknown): void {
    if (name !== "collection_update" || !isJsonObject(told) || told["collection"] !== "core.get_jobs") return
    if (typeof told["id"] === "number") this.#changed.add(told["id"])
    this.#wake?.()
  }

  /** Until something was told of that job, or the time has passed. */
  async of(id: number, limitMs: number): Promise<void> {
    const limit = new AbortController()
    const over = delay(limitMs, undefined, { signal: limit.signal }).then(
      () => true,
      () => true,
    )
    while (!this.#changed.delete(id)) {
      const woken = new Promise<false>((resolve) => {
        this.#wake = () => {
          resolve(false)
        }
      })
      if (await Promise.race([over, woken])) return
    }
    limit.abort()
  }
}
