import type { Limit, Measured, Quota } from "./quota.js"

export type Nearness = "no_limit" | "fine" | "near" | "critical" | "full" | "unknown"

/** How near a tree is to its limit. */
export interface NearLimit {
  readonly level: Nearness
  /** Which of its limits that is about. */
  readonly of: "bytes" | "files"
  /** Used of the limit; more than 1 where it holds more than it may. Undefined without a limit, or when not known. */
  readonly fraction: number | undefined
  /** Why the level is `unknown`. */
  readonly why: string | undefined
}

export interface Thresholds {
  readonly near: number
  readonly critical: number
}

const usual: Thresholds = { near: 0.85, critical: 0.95 }

const byUrgency: readonly Nearness[] = ["full", "critical", "near", "unknown", "fine", "no_limit"]

/**
 * Judges the more urgent of its two limits. What is not known is less urgent than a limit that is near, and more than one that
 * is not.
 */
export function nearLimit(
  quota: Pick<Quota, "limitBytes" | "usedBytes" | "limitFiles" | "usedFiles">,
  thresholds: Thresholds = usual,
): NearLimit {
  const bytes = judge("bytes", quota.limitBytes, quota.usedBytes, thresholds)
  const files = judge("files", quota.limitFiles, quota.usedFiles, thresholds)
  return byUrgency.indexOf(files.level) < byUrgency.indexOf(bytes.level) ? files : bytes
}

function judge(of: "bytes" | "files", limit: Limit, used: Measured, thresholds: Thresholds): NearLimit {
  if (limit === "none") return { level: "no_limit", of, fraction: undefined, why: undefined }
  if (typeof limit === "object") return { level: "unknown", of, fraction: undefined, why: limit.unknown }
  if (typeof used === "object") return { level: "unknown", of, fraction: undefined, why: used.unknown }
  const fraction = limit === 0 ? Number.POSITIVE_INFINITY : used / limit
  return { level: levelOf(fraction, thresholds), of, fraction, why: undefined }
}

function levelOf(fraction: number, { near, critical }: Thresholds): Nearness {
  if (fraction >= 1) return "full"
  if (fraction >= critical) return "critical"
  return fraction >= near ? "near" : "fine"
}

/**
 * A limit that is only ours, for filesystems without quotas: nothing stops a writer at it. `used` is what the caller measured,
 * such as by a walk in the background.
 */
export function ownLimit(
  tree: string,
  limitBytes: number | "none",
  used: { readonly bytes: Measured; readonly files: Measured; readonly source: string },
): Quota {
  return {
    kind: "own",
    tree,
    enforced: false,
    limitBytes,
    usedBytes: used.bytes,
    limitFiles: "none",
    usedFiles: used.files,
    source: used.source,
    notices: ["Nothing enforces this limit: it is only watched."],
  }
}
