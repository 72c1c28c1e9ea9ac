import {
  type Anomaly,
  anomaliesBetween,
  anomaliesOfSource,
  historyOf,
  isAhead,
  type ListedSource,
  remembered,
  retried,
  snapshotKey,
  sourcesOf,
  type SourceMemory,
  type Step,
  stepsToCompare,
  stepsToRetry,
} from "../../anomalies/index.js"
import type { Ask, JobContext, Outcome } from "../../jobs/index.js"
import type { Listing, Repository, SnapshotContents, SnapshotSource } from "../../../storage/index.js"
import { FencedPlace } from "../fenced-place.js"
import type { AnomaliesInput, AnomaliesQuestion, FoundSource, SourcesAnswer } from "./questions.js"

/** So many sources are asked about and told of at once. */
const AT_ONCE = 100
/** Of one source in one run: the newest, where a daemon was away for long. */
const MOST_STEPS = 100

/** One look for anomalies, in a thread of its own. Fails as opening, listing and reading indexes do. */
export async function lookForAnomalies(
  context: JobContext,
  { spec, now }: AnomaliesInput,
  ask: Ask,
): Promise<Outcome> {
  const place = new FencedPlace(spec)
  try {
    return await new Look(context, place, now, ask).all()
  } catch (error) {
    context.signal.throwIfAborted()
    throw place.reasonOf(error)
  } finally {
    place.close()
  }
}

type Judging = SourcesAnswer[number]

class Look {
  readonly #context: JobContext
  readonly #place: FencedPlace
  readonly #now: number
  readonly #ask: (question: AnomaliesQuestion) => Promise<unknown>
  #repository: Repository | undefined
  #contents: SnapshotContents | undefined
  #compared = 0

  constructor(context: JobContext, place: FencedPlace, now: number, ask: Ask) {
    this.#context = context
    this.#place = place
    this.#now = now
    this.#ask = ask
  }

  async all(): Promise<Outcome> {
    const { signal } = this.#context
    this.#repository = await this.#place.open()
    const listing = await this.#repository.list({ signal })
    this.#place.assertSame()
    const sources = sourcesOf(listing)
    let done = 0
    for (let from = 0; from < sources.length; from += AT_ONCE) {
      const some = sources.slice(from, from + AT_ONCE)
      const judging = await this.#about(listing, some)
      const found: FoundSource[] = []
      for (const [at, source] of some.entries()) {
        this.#context.progress({ done, total: sources.length, unit: "items", text: source.source })
        await this.#context.standBack()
        const how = judging[at]
        if (how === undefined) throw new Error("a source is judged by nothing")
        const anomalies = await this.#source(source, how, listing)
        if (anomalies.length > 0) found.push({ name: source.source, source: sourceOf(source), anomalies })
        done++
      }
      this.#place.assertSame()
      await this.#ask({ ask: "found", sources: found })
    }
    this.#place.assertSame()
    return {
      outcome: "ok",
      facts: { sources: sources.length, snapshots: listing.snapshotCount, compared: this.#compared },
      ...(listing.depth === "names"
        ? { message: "without the password only the times of snapshots can be looked at" }
        : {}),
    }
  }

  async #about({ engine }: Listing, sources: readonly ListedSource[]): Promise<SourcesAnswer> {
    const named = sources.map((source) => ({ name: source.source, source: sourceOf(source) }))
    return (await this.#ask({ ask: "about", engine, sources: named })) as SourcesAnswer
  }

  async #source(
    { source, snapshots, marks }: ListedSource,
    { limits, memory: before, writers }: Judging,
    { depth }: Listing,
  ): Promise<Anomaly[]> {
    const now = this.#now
    const { complete } = historyOf(snapshots, now)
    // One of the future would hide those that come before its time.
    const dated = complete.filter((snapshot) => !isAhead(snapshot, now))
    let memory = before
    if (depth === "contents") {
      for (const step of stepsToRetry(source, dated, before, now)) {
        const found = await this.#step(source, step, limits)
        memory = await this.#keep(source, retried(source, memory, step, found, now))
      }
      for (const step of stepsToCompare(source, dated, before, MOST_STEPS)) {
        const found = await this.#step(source, step, limits)
        memory = await this.#keep(source, remembered(source, memory, step, found, snapshots))
      }
    }
    const there = new Set(snapshots.map((snapshot) => snapshotKey(source, snapshot)))
    const still = memory.found.filter(
      ({ subject, code }) => there.has(subject.key) && !limits.off.includes(code),
    )
    const more = writers === undefined ? {} : { writers }
    return [...anomaliesOfSource({ source, snapshots, now, limits, marks, ...more }), ...still]
  }

  async #step(source: string, step: Step, limits: Judging["limits"]): Promise<Anomaly[]> {
    const { signal } = this.#context
    const text = `${source}, snapshot ${step.after.id}`
    const compare = async (contents: SnapshotContents): Promise<Anomaly[]> =>
      anomaliesBetween({
        ...{ source, contents, limits, signal },
        ...step,
        onProgress: (done) => {
          this.#context.progress({ done, unit: "items", text })
        },
      })
    let found = await compare(await this.#opened())
    if (found.some(isUnclear)) {
      // What a prune took away since the indexes were read lies elsewhere now.
      this.#contents = undefined
      found = await compare(await this.#opened())
    }
    this.#compared++
    return found
  }

  async #opened(): Promise<SnapshotContents> {
    const { signal } = this.#context
    const repository = (this.#repository ??= await this.#place.open())
    return (this.#contents ??= await repository.openContents({ signal }))
  }

  /** Nothing that was read counts when its filesystem went away meanwhile. */
  async #keep(source: string, memory: SourceMemory): Promise<SourceMemory> {
    this.#place.assertSame()
    await this.#ask({ ask: "compared", source, memory })
    await this.#context.standBack()
    return memory
  }
}

function isUnclear({ code }: Anomaly): boolean {
  return code === "not_compared"
}

function sourceOf({ snapshots }: ListedSource): SnapshotSource {
  return snapshots.at(-1)?.source ?? { user: "", host: "", paths: [] }
}
