import type { VolumeKey } from "../db/index.js"

export const SEVERITIES = ["critical", "warning", "info"] as const
/** `critical`: backups are lost, or will not be made or restored. `warning`: somebody should look. `info`: good to know. */
export type Severity = (typeof SEVERITIES)[number]

/** What JSON can say. */
export type Json =
  string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json | undefined }
export type Evidence = Readonly<Record<string, Json | undefined>>

/** What a finding is about: a repository, store, volume, identity, snapshot, export, disk, … and what tells it from others of its kind. */
export interface Subject {
  readonly kind: string
  readonly key: string
}

/** Something that is wrong now, as a source tells it. Nothing in it may be a secret. */
export interface Fact {
  /** Stable: mutes and alerts go by it. */
  readonly code: string
  readonly severity: Severity
  readonly subject: Subject
  /** One sentence. */
  readonly title: string
  /** The next step. */
  readonly hint: string
  readonly evidence?: Evidence
  /** The volumes that it touches; may be thousands. */
  readonly volumes?: readonly VolumeKey[]
}

/** Who looked, at what. Of one scope a source tells everything that is wrong at once. */
export interface Looked {
  readonly source: string
  readonly scope: string
}

/** Tells a fact from the others of its source and scope. */
export function keyOf({ code, subject }: Pick<Fact, "code" | "subject">): string {
  return JSON.stringify([code, subject.kind, subject.key])
}

/** The part of a key that says what it is about, as JSON of kind and key. */
export function subjectOfKey(key: string): string {
  return JSON.stringify((JSON.parse(key) as string[]).slice(1))
}

export function rankOf(severity: Severity): number {
  return SEVERITIES.indexOf(severity)
}

export function isWorse(one: Severity, other: Severity): boolean {
  return rankOf(one) < rankOf(other)
}
