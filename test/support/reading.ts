import { afterEach } from "vitest"
import {
  type DrillsEntry,
  drillSettings,
  emptyDocument,
  type RepositoryEntry,
} from "../../server/config/index.js"
import {
  AnomalyMemoryTable,
  DrillTable,
  openDatabase,
  SnapshotIntegrityTable,
  type StateDatabase,
} from "../../server/db/index.js"
import { type FindingsRoom, openFindings, SnapshotIntegrity } from "../../server/findings/index.js"
import { type FindingJson, findingsJson } from "../../server/http/contract/findings.js"
import type { JobContext, JobKind, Outcome, RunProgress } from "../../server/jobs/index.js"
import type { ListedPlace, ReadingParts, RepositorySubject } from "../../server/reading/index.js"
import { takeStoreFence } from "../../storage/disk/index.js"
import type { Engine } from "../../storage/index.js"
import { scratch } from "./fixtures.js"

// What jobs that read repositories have of the daemon, with a real state database and a clock of the test's own.

const opened: StateDatabase[] = []
afterEach(() => {
  for (const database of opened.splice(0)) database.close()
})

export interface ReadPlace {
  /** The store's directory, which gets a fence. */
  readonly store: string
  /** Relative to it. */
  readonly path: string
  readonly engine: Engine
  readonly password?: string | undefined
  readonly entry?: Partial<RepositoryEntry>
}

/** One repository in a store, as a run sees it. */
export class ReadingBench {
  /** Unix milliseconds. */
  now: number
  readonly state = scratch()
  readonly database: StateDatabase
  readonly room: FindingsRoom
  readonly integrity: SnapshotIntegrity
  readonly parts: ReadingParts
  readonly subject: RepositorySubject
  declared = true
  drillsEntry: DrillsEntry | undefined
  listed: ListedPlace | undefined
  entry: RepositoryEntry
  password: string | undefined
  readonly logged: string[] = []
  progress: RunProgress | undefined

  constructor(
    { store, path, engine, password, entry = {} }: ReadPlace,
    now = Date.now(),
    more: Partial<ReadingParts> = {},
  ) {
    this.now = now
    this.password = password
    this.database = openDatabase(this.state)
    opened.push(this.database)
    const log = { info: () => undefined, warn: () => undefined }
    this.room = openFindings(this.database, { now: () => this.now, log })
    this.integrity = new SnapshotIntegrity(new SnapshotIntegrityTable(this.database.connection))
    const place = `tank:${path}`
    this.subject = { type: "repository", repository: "shared", store: "tank", path, place }
    this.entry = { name: "shared", new: false, ...entry } as RepositoryEntry
    const record = takeStoreFence(store, { sentinel: true, allowRoot: true })
    this.parts = {
      stateDirectory: this.state,
      clock: { now: () => ({ wall: this.now, mono: this.now }) },
      document: () => emptyDocument,
      placeOf: ({ place: wanted }) =>
        this.declared && wanted === place
          ? {
              entry: this.entry,
              spec: {
                place,
                directory: `${store}/${path}`,
                engine,
                password: this.password,
                fences: [{ path: store, record, store: "tank" }],
              },
            }
          : undefined,
      isDeclared: () => this.declared,
      isPinned: () => true,
      volumesOf: () => [{ cluster: "home", namespace: "media", pvc: "app" }],
      volumesIn: () => [{ cluster: "home", namespace: "media", pvc: "app" }],
      volumesOfSource: (_place, { user, host }) =>
        engine === "kopia"
          ? [{ cluster: "home", namespace: host, pvc: user }]
          : [{ cluster: "home", namespace: "media", pvc: "app" }],
      isExpected: () => true,
      drills: new DrillTable(this.database.connection),
      drillSettings: () => drillSettings(this.drillsEntry, this.state),
      listed: () => this.listed,
      directories: () => [],
      engines: { kopia: process.env["CISTERN_KOPIA"], restic: process.env["CISTERN_RESTIC"] },
      anomalyMemory: new AnomalyMemoryTable(this.database.connection),
      findings: this.room.findings,
      integrity: this.integrity,
      ...more,
    }
  }

  run(kind: JobKind, signal = new AbortController().signal): Promise<Outcome> {
    return kind.run(this.context(signal))
  }

  context(signal: AbortSignal): JobContext {
    let kept: unknown
    return {
      run: "run-1",
      subject: this.subject,
      signal,
      progress: (progress) => {
        this.progress = progress
      },
      log: (message) => {
        this.logged.push(message)
      },
      checkpoint: {
        get: () => Promise.resolve(kept),
        set: (value) => {
          kept = value
          return Promise.resolve()
        },
      },
      standBack: () => {
        signal.throwIfAborted()
        return Promise.resolve()
      },
    }
  }

  findings(query: Record<string, string> = {}): FindingJson[] {
    return findingsJson.parse(this.room.views.list(query)).findings
  }

  codes(query: Record<string, string> = {}): string[] {
    return this.findings(query)
      .map(({ code }) => code)
      .sort()
  }
}
