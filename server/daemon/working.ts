import { declaredSchedules, JobSubjects, SourceNames, type TouchedVolumes } from "../administration/index.js"
import { drillSettings } from "../config/index.js"
import { AnomalyMemoryTable, DatabaseError, DrillTable, JobMemory, Runs } from "../db/index.js"
import { Jobs, tidyJob } from "../jobs/index.js"
import { forgetUndeclared, type ReadingParts, readingJobs } from "../reading/index.js"
import type { Answering } from "./answering.js"
import type { Kept } from "./kept.js"
import type { Surroundings } from "./surroundings.js"

export interface Work {
  readonly jobs: Jobs
  /** Another document holds now. */
  redeclared(): void
}

/** The jobs of the daemon, their schedules and their runs. */
export function putWorkTogether(
  { database, ledger, shelf, findings, integrity }: Kept,
  { keeper, catalog }: Answering,
  touched: TouchedVolumes,
  { stateDirectory, clock, engines, moreJobs = [], counts, log }: Surroundings,
  ended: (job: string) => void,
): Work {
  const names = new SourceNames(keeper)
  const subjects = new JobSubjects({ keeper, catalog })
  const reading: ReadingParts = {
    stateDirectory,
    clock,
    document: () => keeper.fleet.document,
    placeOf: ({ place }) => keeper.declaredAt(place),
    isDeclared: (place) => keeper.repositoryAt(place) !== undefined,
    isPinned: (place, id) => [undefined, "", id].includes(ledger.pins.get(place)?.repositoryId),
    volumesOf: (place, identity) => touched.of(place, identity),
    volumesIn: (place) => touched.in(place),
    volumesOfSource: (place, source) => names.volumes(place, source),
    isExpected: (place, source) => names.isExpected(place, source),
    anomalyMemory: new AnomalyMemoryTable(database.connection),
    drills: new DrillTable(database.connection),
    drillSettings: () => drillSettings(keeper.fleet.document.drills, stateDirectory),
    listed: (place) => {
      const generation = catalog.view(place)?.generation
      return generation && { ...generation.header, identities: generation.identities.values() }
    },
    directories: () => catalog.views().map(({ spec }) => spec.directory),
    engines,
    findings: findings.findings,
    integrity,
  }
  const jobs = new Jobs({
    stateDirectory,
    kinds: (parts) => [
      tidyJob({ ...parts, now: () => clock.now().wall }),
      ...readingJobs(reading),
      ...moreJobs,
    ],
    runs: new Runs(database.connection),
    memory: new JobMemory(database.connection),
    clock,
    subjects: (type) => subjects.all(type),
    isDeclared: (subject) => subjects.isDeclared(subject),
    // Stores on one filesystem keep the same disks busy.
    diskOf: (subject) =>
      subject.type === "whole"
        ? undefined
        : (shelf.fence("store", subject.store)?.mountPoint ?? subject.store),
    moverAt: (subject) => subjects.moverAt(subject, clock.now().wall),
    schedules: () => declaredSchedules(keeper.fleet.document),
    quiet: () => keeper.fleet.document.quietHours,
    ended: (job, outcome, row) => {
      counts?.ended(job, outcome, row)
      ended(job)
    },
    log,
  })
  return {
    jobs,
    redeclared: () => {
      jobs.redeclared()
      try {
        forgetUndeclared(reading)
      } catch (error) {
        // On a full disk; the next document does it.
        if (!(error instanceof DatabaseError)) throw error
        log.warn(
          { err: error },
          "findings of repositories that are not declared any more could not be closed",
        )
      }
    },
  }
}
