import type { SubjectType } from "../jobs/kind.js"
import type { Document, ScheduleEntry } from "./document.js"
import type { Fault } from "./merge.js"

/** What a document may say of a kind of job. */
export interface KnownJob {
  readonly name: string
  readonly of: SubjectType
}

/** Schedules that name what is not there, or contradict each other. */
export function scheduleFaults({ schedules, repositories, stores }: Document): Fault[] {
  const known = { repositories: namesOf(repositories), stores: namesOf(stores) }
  const unknown = schedules.flatMap((schedule) =>
    (["repositories", "stores"] as const).flatMap((field) =>
      (schedule[field] ?? [])
        .filter((name) => !known[field].has(name))
        .map((name) =>
          fault(schedule, field, `there is no ${field === "stores" ? "store" : "repository"} named ${name}`),
        ),
    ),
  )
  const contradicting = schedules.flatMap((schedule, at) => {
    const other = schedules.slice(0, at).find((one) => contradict(one, schedule))
    return other === undefined
      ? []
      : [fault(schedule, "off", `schedule ${other.name} says otherwise of the same; take one of them out`)]
  })
  return [...unknown, ...contradicting]
}

/** Schedules of jobs that there are not, or that do not work on what is named. */
export function jobFaults({ schedules }: Document, jobs: readonly KnownJob[]): Fault[] {
  return schedules.flatMap((schedule) => {
    const job = jobs.find(({ name }) => name === schedule.job)
    if (job === undefined) {
      const are = jobs.map(({ name }) => name).join(", ")
      return [fault(schedule, "job", `there is no job named ${schedule.job}; there are ${are}`)]
    }
    if (schedule.repositories !== undefined && job.of !== "repository") {
      return [fault(schedule, "repositories", `${job.name} does not work on single repositories`)]
    }
    if (schedule.stores !== undefined && job.of === "whole") {
      return [fault(schedule, "stores", `${job.name} does not work on single stores`)]
    }
    return []
  })
}

function contradict(one: ScheduleEntry, other: ScheduleEntry): boolean {
  if (one.job !== other.job || one.off === other.off) return false
  const isGeneral = (entry: ScheduleEntry): boolean =>
    entry.repositories === undefined && entry.stores === undefined
  if (isGeneral(one) || isGeneral(other)) return isGeneral(one) && isGeneral(other)
  return meet(one.repositories, other.repositories) || meet(one.stores, other.stores)
}

function meet(one: readonly string[] = [], other: readonly string[] = []): boolean {
  return one.some((name) => other.includes(name))
}

function namesOf(entries: readonly { readonly name: string }[]): ReadonlySet<string> {
  return new Set(entries.map(({ name }) => name))
}

function fault({ name }: ScheduleEntry, field: string, message: string): Fault {
  return { path: ["schedules", name, field], message }
}
