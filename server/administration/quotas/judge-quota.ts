import { isLimitedTo, type Measured, nearLimit, ownLimit, type Quota } from "../../../storage/disk/index.js"
import type { RepositoryQuota } from "../../config/index.js"
import type { StoredTreeUse } from "../../db/index.js"
import type { QuotaFindingJson, QuotaJson } from "../../http/contract/quotas.js"

/** Everything that is known about the limit of one directory. Times in Unix milliseconds. */
export interface QuotaFacts {
  readonly store: string
  readonly path: string
  /** With links followed. */
  readonly realPath: string
  /** What the filesystem, or the NAS system, said. */
  readonly quota: Quota
  readonly lookedAt: number
  /** Why what is declared could not be held there; undefined: it could, or it is. */
  readonly unheld: { readonly message: string; readonly hint: string | undefined } | undefined
  readonly declared: RepositoryQuota | undefined
  /** The last walk through it. */
  readonly walk: StoredTreeUse | undefined
  readonly now: number
}

export type JudgedQuota = Pick<
  QuotaJson,
  | "state"
  | "kind"
  | "enforced"
  | "tree"
  | "limitBytes"
  | "usedBytes"
  | "limitFiles"
  | "usedFiles"
  | "usedPercent"
  | "warnAt"
  | "measuredAt"
  | "source"
  | "findings"
  | "notices"
>

/** Near a limit that nobody said more about. */
export const USUAL_WARNING = 85
const CRITICAL = 95
/** A walk is made daily; one this old says that none came to an end since. */
const OLD_WALK_MS = 3 * 24 * 3_600_000

/** Filesystems that can limit directories, some of them only once they are prepared for it. */
const canLimit: ReadonlySet<string> = new Set(["btrfs", "xfs", "ext4", "zfs"])

/** What is said of a directory's limit. `type`: of the filesystem that it is on. */
export function judgeQuota(facts: QuotaFacts, type: string): JudgedQuota {
  const { declared, quota } = facts
  const warnAt = declared?.warnAt ?? USUAL_WARNING
  const effective = effectiveOf(facts)
  const near = nearLimit(effective, { near: warnAt / 100, critical: Math.max(warnAt, CRITICAL) / 100 })
  const byWalk = effective.source === WALK
  return {
    state: near.level === "fine" ? "ok" : near.level,
    kind: effective.kind,
    enforced: effective.enforced,
    tree: effective.tree,
    limitBytes: numberOrNull(effective.limitBytes),
    usedBytes: numberOrNull(effective.usedBytes),
    limitFiles: numberOrNull(effective.limitFiles),
    usedFiles: numberOrNull(effective.usedFiles),
    usedPercent:
      near.fraction === undefined || !Number.isFinite(near.fraction)
        ? null
        : Math.round(near.fraction * 1000) / 10,
    warnAt,
    measuredAt: measuredAt(facts, effective),
    source: effective.source,
    findings: [
      ...nearFindings(facts, effective, near),
      ...aroundFindings(facts, effective),
      ...doubtFindings(quota),
      ...declaredFindings(facts, type),
      ...(byWalk ? walkFindings(facts) : []),
    ],
    notices: effective.kind === "own" ? [...effective.notices, ...quota.notices] : [...quota.notices],
  }
}

/** Whether its use is known only by a walk through it. */
export function needsWalk({
  quota,
  declared,
  realPath,
}: Pick<QuotaFacts, "quota" | "declared" | "realPath">): boolean {
  return declared !== undefined && !isHeldAt(quota, realPath) && !countsAlone(quota, realPath)
}

const WALK = "a walk through it"

/** The limit that counts: what the filesystem holds writers to, else what is declared, else none. */
function effectiveOf({ quota, declared, realPath, walk }: QuotaFacts): Quota {
  if (declared === undefined || isHeldAt(quota, realPath)) return quota
  if (countsAlone(quota, realPath))
    return ownLimit(realPath, declared.limitBytes, {
      bytes: quota.usedBytes,
      files: quota.usedFiles,
      source: quota.source,
    })
  return ownLimit(realPath, declared.limitBytes, { ...walkedFigures(walk), source: WALK })
}

function isHeld(quota: Quota): boolean {
  return quota.enforced && typeof quota.limitBytes === "number"
}

/** By a limit of its own, not by that of a tree around it. */
function isHeldAt(quota: Quota, realPath: string): boolean {
  return isHeld(quota) && quota.tree === realPath
}

/** Whether the filesystem counts this very directory, though it does not limit it. */
function countsAlone({ tree, usedBytes, doubt }: Quota, realPath: string): boolean {
  return tree === realPath && typeof usedBytes === "number" && doubt === undefined
}

function walkedFigures(walk: StoredTreeUse | undefined): { bytes: Measured; files: Measured } {
  const unknown =
    walk === undefined
      ? "nobody has walked through it yet"
      : walk.unread > 0
        ? `${walk.unread} folders in it could not be read`
        : undefined
  if (walk === undefined || unknown !== undefined)
    return { bytes: { unknown: unknown ?? "" }, files: { unknown: unknown ?? "" } }
  return { bytes: walk.bytes, files: walk.files }
}

function measuredAt({ lookedAt, walk }: QuotaFacts, { source, usedBytes }: Quota): string | null {
  if (source === WALK) return walk === undefined ? null : timeOf(walk.begunAt)
  return typeof usedBytes === "number" ? timeOf(lookedAt) : null
}

function nearFindings(
  { store, path }: QuotaFacts,
  { enforced, tree, limitBytes, usedBytes, source }: Quota,
  { level, of, fraction, why }: ReturnType<typeof nearLimit>,
): QuotaFindingJson[] {
  const byWalk = source === WALK
  const percent = fraction === undefined ? "" : `${Math.floor(fraction * 100)} %`
  const what = of === "files" ? "the files that it may hold" : "its limit"
  const figures =
    of === "bytes" && typeof usedBytes === "number" && typeof limitBytes === "number"
      ? ` (${usedBytes} of ${limitBytes} bytes)`
      : ""
  switch (level) {
    case "full":
      return [
        {
          code: "full",
          severity: "fail",
          message: `${tree} holds ${percent} of ${what}${figures}${enforced ? ": backups fail" : ""}`,
          hint: `Raise the limit with \`cistern quotas set ${shown(store, path)} LIMIT\`, or keep fewer snapshots; pruning needs room, too.`,
        },
      ]
    case "critical":
    case "near":
      return [
        {
          code: level,
          severity: "warn",
          message: `${tree} holds ${percent} of ${what}${figures}`,
          hint: "Raise the limit, or keep fewer snapshots, before backups fail.",
        },
      ]
    case "unknown":
      return [
        {
          code: "not_measured",
          severity: "warn",
          message: `how near ${tree} is to its limit is not known: ${why ?? ""}`,
          hint: byWalk
            ? `\`cistern quotas measure ${shown(store, path)}\` walks through it now.`
            : "Run the daemon as root, with the programs that docs/quotas.md names.",
        },
      ]
    case "fine":
    case "no_limit":
      return []
  }
}

/** A tree around it that is full stops its backups, whatever it may hold itself. */
function aroundFindings(facts: QuotaFacts, effective: Quota): QuotaFindingJson[] {
  const { quota } = facts
  if (effective === quota || !isHeld(quota)) return []
  const near = nearLimit(quota, { near: USUAL_WARNING / 100, critical: CRITICAL / 100 })
  return near.level === "unknown" ? [] : nearFindings(facts, quota, near)
}

function doubtFindings({ doubt, limitBytes }: Quota): QuotaFindingJson[] {
  if (doubt === undefined || limitBytes === "none") return []
  return [{ code: "limit_in_doubt", severity: "warn", message: firstSentence(doubt), hint: doubt }]
}

function declaredFindings(facts: QuotaFacts, type: string): QuotaFindingJson[] {
  const { declared, quota, unheld, store, path, realPath } = facts
  if (declared === undefined) return []
  const { limitBytes, enforce } = declared
  if (!enforce) return []
  const wanted = { bytes: limitBytes, files: "none" } as const
  if (isHeldAt(quota, realPath) && isLimitedTo({ ...quota, limitFiles: "none" }, wanted)) return []
  const set = `\`cistern quotas set ${shown(store, path)}\``
  if (isHeldAt(quota, realPath)) {
    const message = `its limit is ${numberOrNull(quota.limitBytes) ?? "?"} bytes, and ${limitBytes} are declared`
    return [{ code: "other_limit", severity: "warn", message, hint: `${set} sets what is declared.` }]
  }
  if (unheld === undefined) {
    const message = `the declared limit of ${limitBytes} bytes is not set, and holds nobody`
    return [{ code: "not_set", severity: "warn", message, hint: `${set} sets it.` }]
  }
  const message = `the declared limit of ${limitBytes} bytes is only watched: ${unheld.message}`
  const limits = canLimit.has(type) || quota.kind === "truenas-dataset" || quota.kind === "dsm-share"
  if (!limits) return []
  return [{ code: "not_held", severity: "warn", message, hint: unheld.hint ?? "Look at docs/quotas.md." }]
}

function walkFindings({ walk, now, store, path }: QuotaFacts): QuotaFindingJson[] {
  if (walk === undefined) return []
  const hint = `\`cistern quotas measure ${shown(store, path)}\` walks through it now.`
  const old = now - walk.begunAt > OLD_WALK_MS
  return [
    ...(old
      ? [
          {
            code: "old_figure",
            severity: "warn" as const,
            message: `what it holds was measured at ${timeOf(walk.begunAt)}`,
            hint,
          },
        ]
      : []),
    ...(walk.elsewhere > 0
      ? [
          {
            code: "not_counted",
            severity: "warn" as const,
            message: `${walk.elsewhere} subvolumes or mounts in it are not counted`,
            hint: "They take room of their own: limit each of them.",
          },
        ]
      : []),
  ]
}

/** As it is written on the command line, where it needs no quotes. */
function shown(store: string, path: string): string {
  const target = `${store}:${path}`
  return /^[\w@%+=:,./-]+$/.test(target) ? target : `'${target.replaceAll("'", "'\\''")}'`
}

function firstSentence(text: string): string {
  return text.replace(/: until .*$/s, "").replace(/\.$/, "")
}

function numberOrNull(value: Quota["limitBytes"] | Measured): number | null {
  return typeof value === "number" ? value : null
}

function timeOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}
