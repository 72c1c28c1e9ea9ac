import { pathToFileURL } from "node:url"
import { join } from "node:path"
import { expect } from "vitest"
import { systemClock } from "../../server/catalog/index.js"
import { emptyDocument, parseDocument } from "../../server/config/index.js"
import { openDatabase, SnapshotIntegrityTable, type StateDatabase } from "../../server/db/index.js"
import { openFindings, SnapshotIntegrity } from "../../server/findings/index.js"
import type { JobContext, JobKind } from "../../server/jobs/index.js"
import type { scrubJob as ScrubJob, ScrubParts } from "../../server/reading/scrub/scrub-job.js"
import { takeFence } from "../../storage/disk/index.js"
import type { Engine } from "../../storage/index.js"
import { compiled } from "../support/compiled.js"

interface Declared {
  readonly engine: Engine
  readonly password: string
  readonly state: string
}

/** Runs of the daemon's scrub job with its ledger, in its thread; it never stands back, so that it reads while others write. */
export class JobScrubs {
  readonly #job: JobKind
  readonly #database: StateDatabase
  readonly #integrity: SnapshotIntegrity
  readonly #logged: string[] = []
  #runs = 0

  private constructor(job: JobKind, database: StateDatabase, integrity: SnapshotIntegrity) {
    this.#job = job
    this.#database = database
    this.#integrity = integrity
  }

  static async of(directory: string, { engine, password, state }: Declared): Promise<JobScrubs> {
    const database = openDatabase(state)
    const integrity = new SnapshotIntegrity(new SnapshotIntegrityTable(database.connection))
    const log = { info: () => undefined, warn: () => undefined }
    const { document } = parseDocument(
      `clusters: [{ name: home }]\nstores: [{ name: tank, path: ${directory}, allowRoot: true }]\nrepositories: [{ name: live, cluster: home, engine: ${engine}, store: tank, decides: restore }]`,
    )
    const [entry] = document.repositories
    if (entry?.decides === undefined) throw new Error("it has one")
    const fences = [{ path: directory, record: takeFence(directory) }]
    const place = {
      entry: { ...entry, decides: entry.decides },
      spec: { place: "live", directory, engine, password, fences },
    }
    const parts: ScrubParts = {
      stateDirectory: state,
      clock: systemClock,
      // Whatever was read a minute ago is due: each run reads everything.
      document: () => ({ ...emptyDocument, scrub: { every: "1m" } }),
      placeOf: () => place,
      volumesOf: () => [],
      volumesIn: () => [],
      findings: openFindings(database, { now: Date.now, log }).findings,
      integrity,
    }
    const program = join(compiled("server", "storage"), "server/reading/scrub/scrub-job.js")
    // The thread's program lies beside the compiled one.
    const { scrubJob } = (await import(pathToFileURL(program).href)) as { scrubJob: typeof ScrubJob }
    return new JobScrubs(scrubJob(parts), database, integrity)
  }

  /** Gives how many files went meanwhile. */
  async next(): Promise<number> {
    const context: JobContext = {
      run: `run-${this.#runs++}`,
      subject: { type: "repository", repository: "live", store: "tank", path: "", place: "live" },
      signal: new AbortController().signal,
      progress: () => undefined,
      log: (message, facts) => this.#logged.push(`${message} ${JSON.stringify(facts)}`),
      checkpoint: { get: () => Promise.resolve(undefined), set: () => Promise.resolve() },
      standBack: () => Promise.resolve(),
    }
    const outcome = await this.#job.run(context)
    expect(outcome, this.#logged.join("\n")).toMatchObject({
      outcome: "ok",
      facts: { damaged: 0, unread: 0 },
    })
    return "facts" in outcome ? Number(outcome.facts["gone"]) : 0
  }

  expectNothingFound(): void {
    const found = this.#database.connection.prepare("SELECT code, title FROM finding").all()
    expect(found).toEqual([])
    expect(this.#integrity.damaged()).toEqual([])
  }

  close(): void {
    this.#database.close()
  }
}
