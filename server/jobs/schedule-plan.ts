import type { JobKind, JobSubject, ScheduleRule } from "./kind.js"

/** A schedule as it is declared. Without `repositories` and `stores` it is for all that the kind can work on. */
export interface DeclaredSchedule {
  readonly name: string
  readonly job: string
  readonly repositories?: readonly string[] | undefined
  readonly stores?: readonly string[] | undefined
  /** Undefined: the kind does not run by itself on these. */
  readonly rule: ScheduleRule | undefined
}

/** A rule, and the name of the schedule that says so; undefined: the kind's own. */
export interface NamedRule {
  readonly name: string | undefined
  readonly rule: ScheduleRule
}

/**
 * When a kind runs on a subject: by the schedules that name it, else by those for its store, else by those for all, else by the kind's
 * own. Of several for the same each counts.
 */
export function rulesFor(
  kind: JobKind,
  subject: JobSubject,
  schedules: readonly DeclaredSchedule[],
): readonly NamedRule[] {
  const ofKind = schedules.filter(({ job }) => job === kind.name)
  const named = ofKind.filter((one) => namesIt(one, subject))
  const around = ofKind.filter(({ stores }) => subject.type !== "whole" && stores?.includes(subject.store))
  const general = ofKind.filter(
    ({ repositories, stores }) => repositories === undefined && stores === undefined,
  )
  const chosen = [named, around, general].find((some) => some.length > 0)
  if (chosen === undefined)
    return kind.schedule === undefined ? [] : [{ name: undefined, rule: kind.schedule }]
  return chosen.flatMap(({ name, rule }) => (rule === undefined ? [] : [{ name, rule }]))
}

function namesIt({ repositories, stores }: DeclaredSchedule, subject: JobSubject): boolean {
  if (subject.type === "repository") return repositories?.includes(subject.repository) === true
  return subject.type === "store" && stores?.includes(subject.store) === true
}
