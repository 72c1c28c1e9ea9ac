import { limitsOf } from "../../anomalies/index.js"
import type { Fact } from "../../findings/index.js"
import { inThread, type JobContext, type JobKind, type Outcome } from "../../jobs/index.js"
import { unreadable } from "../not-read.js"
import type { ReadingParts, ReadingPlace, RepositorySubject } from "../parts.js"
import { anomalyFact } from "./facts.js"
import { PlaceMemory } from "./memory.js"
import type { AboutSources, AnomaliesInput, AnomaliesQuestion, Found, SourcesAnswer } from "./questions.js"

const SOURCE = "anomalies"
const MINUTE_MS = 60_000
/** A step through two huge trees shows progress all the while; a filesystem that hangs does not. */
const STALL_MS = 30 * MINUTE_MS

/** How the work of a run is done: in a thread of its own, which asks what only the daemon's knows. */
export type Work<Input> = (
  input: Input,
  context: JobContext,
  answer: (question: unknown) => unknown,
) => Promise<Outcome>

const inWorker: Work<AnomaliesInput> = (input, context, answer) =>
  inThread(new URL("./anomalies-worker.js", import.meta.url), input, context, { answer })

/** The job that looks for what is odd about backups that are intact: from metadata alone, and each snapshot once. */
export function anomaliesJob(parts: ReadingParts, work = inWorker): JobKind {
  return {
    name: SOURCE,
    title: "tells what is odd about backups: zeros, losses, growth, missed ones, strange writers",
    of: "repository",
    changing: false,
    resumable: true,
    // It reads metadata, and must not wait for days until a scrub is through.
    light: true,
    schedule: { cron: "7 * * * *", zone: "UTC", spreadMs: 50 * MINUTE_MS },
    stallMs: STALL_MS,
    run: (context) => run(parts, context, work),
  }
}

async function run(parts: ReadingParts, context: JobContext, work: Work<AnomaliesInput>): Promise<Outcome> {
  const subject = context.subject as RepositorySubject
  const found = parts.placeOf(subject)
  if (found === undefined)
    return { outcome: "skipped", reason: "not_declared", message: "it is not declared any more" }
  const looked = { source: SOURCE, scope: subject.place }
  const table = new Answers(parts, found, subject.place)
  const input: AnomaliesInput = { spec: found.spec, now: parts.clock.now().wall }
  let outcome: Outcome
  try {
    outcome = await work(input, context, (question) => table.answer(question as AnomaliesQuestion))
  } catch (error) {
    if (context.signal.aborted) throw error
    const skipped = unreadable(error, found.entry)
    if (skipped?.isFirst !== true)
      parts.findings.couldNotLook(looked, error instanceof Error ? error.message : String(error))
    if (skipped === undefined) throw error
    return skipped.outcome
  }
  // A run that was told to end has read everything all the same.
  table.end()
  parts.findings.report(looked, table.facts, { settleMs: 0 })
  const counted = table.facts.filter(({ severity }) => severity !== "info").length
  if (outcome.outcome === "skipped" || counted === 0) return outcome
  return { ...outcome, outcome: "findings", message: table.message() }
}

/** What the daemon's thread knows, and takes. */
class Answers {
  readonly facts: Fact[] = []
  readonly #parts: ReadingParts
  readonly #found: ReadingPlace
  readonly #place: string
  readonly #memory: PlaceMemory
  readonly #seen = new Set<string>()

  constructor(parts: ReadingParts, found: ReadingPlace, place: string) {
    this.#parts = parts
    this.#found = found
    this.#place = place
    this.#memory = new PlaceMemory(parts.anomalyMemory, place)
  }

  answer(question: AnomaliesQuestion): unknown {
    switch (question.ask) {
      case "about":
        return this.#about(question)
      case "compared":
        this.#memory.keep(question.source, question.memory)
        return undefined
      case "found":
        this.#take(question)
        return undefined
    }
  }

  /** All sources were told. */
  end(): void {
    this.#memory.keepOnly(this.#seen)
  }

  message(): string {
    const counts = new Map<string, number>()
    for (const { code, severity } of this.facts)
      if (severity !== "info") counts.set(code, (counts.get(code) ?? 0) + 1)
    return [...counts].map(([code, count]) => `${count} ${code}`).join(", ")
  }

  #about({ engine, sources }: AboutSources): SourcesAnswer {
    return sources.map(({ name, source }) => {
      this.#seen.add(name)
      const [volume] = this.#parts.volumesOfSource(this.#place, source)
      const key = volume && `${volume.namespace}/${volume.pvc}`
      const isStranger =
        engine === "kopia" && volume === undefined && !this.#parts.isExpected(this.#place, source)
      return {
        limits: limitsOf(this.#found.entry.anomalies, key),
        memory: this.#memory.of(name),
        writers: isStranger ? [] : undefined,
      }
    })
  }

  #take({ sources }: Found): void {
    for (const { name, source, anomalies } of sources) {
      const volumes = this.#parts.volumesOfSource(this.#place, source)
      for (const anomaly of anomalies) this.facts.push(anomalyFact(this.#place, name, anomaly, volumes))
    }
  }
}
