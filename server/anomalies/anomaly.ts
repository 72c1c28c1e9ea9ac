import type { Snapshot } from "../../storage/index.js"
import { formatInstant } from "../../storage/index.js"
import type { AnomalyCode } from "./codes.js"

/** `critical`: what is restored now may be worth nothing. `warning`: somebody should look. `info`: good to know. */
export type Severity = "critical" | "warning" | "info"

/** What JSON can say. Times are RFC 3339 in UTC. */
export type Evidence = Readonly<
  Record<string, string | number | boolean | null | readonly string[] | readonly number[]>
>

/** Something odd about backups that are intact. It changes no decision by itself: it is for people. */
export interface Anomaly {
  readonly code: AnomalyCode
  readonly severity: Severity
  /** `source`: as long as it is so. `snapshot`: of what one snapshot has in it; it does not change any more. */
  readonly subject: { readonly kind: "source" | "snapshot"; readonly key: string }
  /** One sentence. */
  readonly title: string
  /** The next step. */
  readonly hint: string
  readonly evidence: Evidence
}

/** Tells a snapshot from all others of its source, whatever the engine's id of it is today: ids change when it is pinned or tagged. */
export function snapshotKey(source: string, { start, root }: Snapshot): string {
  return `${source} ${formatInstant(start)}${root === undefined ? "" : ` ${root}`}`
}

/** For evidence. */
export function timeOf({ start }: Pick<Snapshot, "start">): string {
  return formatInstant(start)
}
