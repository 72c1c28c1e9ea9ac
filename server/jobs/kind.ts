import type { Secret } from "../../storage/index.js"

/** What a run works on. `place` is the catalog's stable key of a repository's directory; `path` is relative to its store. */
export type JobSubject =
  | {
      readonly type: "repository"
      readonly repository: string
      readonly store: string
      readonly path: string
      readonly place: string
    }
  | { readonly type: "store"; readonly store: string }
  | { readonly type: "whole" }

export type SubjectType = JobSubject["type"]

/** A stable key: what leases, checkpoints and the memory of schedules are kept under. Another place is another subject. */
export function subjectKey(subject: JobSubject): string {
  switch (subject.type) {
    case "repository":
      return `repository ${subject.place}`
    case "store":
      return `store ${subject.store}`
    case "whole":
      return "whole"
  }
}

/** For people: "shared", "per-pvc at restic/media/plex", "store tank", "everything". */
export function subjectText(subject: JobSubject): string {
  switch (subject.type) {
    case "repository":
      return `${subject.repository} at ${subject.store}:${subject.path}`
    case "store":
      return `store ${subject.store}`
    case "whole":
      return "everything"
  }
}

export const outcomes = ["ok", "findings", "failed", "interrupted", "skipped"] as const
export type OutcomeWord = (typeof outcomes)[number]

/** Numbers and names beside an outcome. Never a secret: it is kept, listed and logged. */
export type RunFacts = Readonly<Record<string, string | number | boolean>>

/** What a kind says of a run that it brought to its end. What cannot be brought to its end is thrown. */
export type Outcome =
  | { readonly outcome: "ok" | "findings"; readonly message?: string; readonly facts?: RunFacts }
  /** There was nothing that could be done, and that is no failure: `message` is the sentence that says why. */
  | { readonly outcome: "skipped"; readonly reason: string; readonly message: string }

export interface RunProgress {
  readonly done: number
  /** Undefined: not known yet. */
  readonly total?: number | undefined
  readonly unit: "bytes" | "items"
  /** What is being worked on, short. */
  readonly text?: string | undefined
}

export type LogLevel = "debug" | "info" | "warn" | "error"

/** What a kind logs beside a line. A Secret shows as "[secret]". */
export type LogFacts = Readonly<Record<string, string | number | boolean | null | undefined | Secret>>

/** What a run is given, in the daemon's thread and in a thread of its own alike. */
export interface JobContext {
  /** The id of the run. */
  readonly run: string
  readonly subject: JobSubject
  /**
   * Aborted by a cancel, the daemon's end or a time limit. A run that ends early because of it throws (`signal.throwIfAborted()`);
   * what it returns nevertheless counts as done.
   */
  readonly signal: AbortSignal
  progress(progress: RunProgress): void
  log(message: string, facts?: LogFacts, level?: LogLevel): void
  /**
   * How far an earlier run of this kind on this subject came that did not reach its end; undefined when there is none. Any JSON.
   * It is forgotten when a run ends `ok` or with `findings`.
   */
  readonly checkpoint: {
    get(): Promise<unknown>
    set(value: unknown): Promise<void>
  }
  /**
   * To be awaited between pieces of work of a second or so: returns at once, or when there is no more reason to stand back (a
   * mover writes, quiet hours). Throws the signal's reason when the run is aborted meanwhile.
   */
  standBack(): Promise<void>
}

/** Cron in five fields, the IANA name of a time zone, and the time over which subjects are spread after it. */
export interface ScheduleRule {
  readonly cron: string
  readonly zone: string
  readonly spreadMs: number
}

/** A kind of job. */
export interface JobKind {
  /** Lower-case letters, digits and dashes. */
  readonly name: string
  /** What it does, as a phrase for people. */
  readonly title: string
  readonly of: SubjectType
  /** It changes its subject: at most one such run is on a repository at any time. */
  readonly changing: boolean
  /** It goes on from its checkpoint: after the daemon's end it is started again by itself. */
  readonly resumable: boolean
  /** It costs no disk anything to speak of, and does not wait for those that do. */
  readonly light?: boolean
  /** When it runs where the document says nothing; undefined: only when somebody asks. */
  readonly schedule: ScheduleRule | undefined
  /** Ended as failed when it shows no progress and logs nothing for so long, standing back not counted. */
  readonly stallMs?: number
  run(context: JobContext): Promise<Outcome>
}
