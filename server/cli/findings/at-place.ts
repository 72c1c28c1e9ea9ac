import { resolve } from "node:path"
import { DirectoryTree } from "../../../storage/blobs/index.js"
import { type Listing, openRepository, StorageError } from "../../../storage/index.js"
import { verify, type VerifyResult } from "../../../storage/verify/index.js"
import { anomaliesAt, limitsOf } from "../../anomalies/index.js"
import type { PlaceOptions } from "../contents/place.js"
import type { Context } from "../context.js"
import { exitCodeOfStorage, type ExitCode, exitCodes } from "../exit-codes.js"
import { readPassword } from "../password-option.js"
import { exitCodeOf as exitCodeOfVerify } from "../verify/result-json.js"

/** Something that is wrong with a repository, in the words of the daemon's findings as far as they apply. */
export interface PlaceFinding {
  readonly severity: "critical" | "warning" | "info"
  readonly code: string
  readonly subject: { readonly kind: "repository" | "source" | "snapshot"; readonly key: string }
  readonly title: string
  readonly hint: string
}

export interface PlaceFindings {
  readonly findings: readonly PlaceFinding[]
  readonly exitCode: ExitCode
}

const ranks = { critical: 0, warning: 1, info: 2 } as const

/**
 * What can be told of a repository where it lies, without a daemon and without reading files: what its listing notices, what is odd about
 * its backups, and which snapshots cannot be restored. The worst first. A repository that cannot be listed is one finding.
 */
export async function findingsAt(options: PlaceOptions, context: Context): Promise<PlaceFindings> {
  const directory = resolve(options.at)
  const files = new DirectoryTree(directory)
  const repository = await openRepository({
    files,
    password: readPassword(options, context.environment),
    ...(options.engine === undefined ? {} : { engine: options.engine }),
  })
  const listing = await repository.list().catch(asFinding(directory))
  if ("findings" in listing) return listing
  const contents = await repository.openContents().catch(asFinding(directory))
  if ("findings" in contents) return contents
  const odd: PlaceFinding[] = []
  const limits = limitsOf({ volumes: {} }, undefined)
  for await (const { anomalies } of anomaliesAt({
    listing,
    contents,
    now: Date.now(),
    limits,
    allSteps: false,
  }))
    for (const { severity, code, subject, title, hint } of anomalies)
      odd.push({ severity, code, subject, title, hint })
  const verified = await verify(repository, files, { level: "reachable", directory })
  const findings = [...ofListing(directory, listing), ...odd, ...ofVerify(verified)].sort(
    (one, other) => ranks[one.severity] - ranks[other.severity],
  )
  return { findings, exitCode: exitCodeOf(findings, verified) }
}

function exitCodeOf(findings: readonly PlaceFinding[], verified: VerifyResult): ExitCode {
  const isWrong = findings.some(({ severity, code }) => severity !== "info" && !UNCLEAR.has(code))
  if (isWrong) return exitCodes.wrong
  return findings.some(({ code }) => UNCLEAR.has(code)) ? exitCodes.unclear : exitCodeOfVerify(verified)
}

/** What says that something could not be looked at, and not that it is wrong. */
const UNCLEAR = new Set(["not_compared", "snapshot_unreadable"])

function asFinding(directory: string): (error: unknown) => PlaceFindings {
  return (error) => {
    if (!(error instanceof StorageError)) throw error
    const exitCode = exitCodeOfStorage[error.code]
    // A password that is missing or wrong says nothing of the repository.
    if (exitCode !== exitCodes.wrong) throw error
    const { code, message, hint = "`cistern impact` tells what a damaged file costs." } = error
    const subject = { kind: "repository", key: directory } as const
    return { findings: [{ severity: "critical", code, subject, title: message, hint }], exitCode }
  }
}

function ofListing(directory: string, { notices }: Listing): PlaceFinding[] {
  return notices.map(({ code, message }) => ({
    severity: code === "damaged_key" ? "warning" : "info",
    code,
    subject: { kind: "repository", key: directory },
    title: message,
    hint: "",
  }))
}

function ofVerify({ snapshots, bad, unindexed, problem }: VerifyResult): PlaceFinding[] {
  const damaged = snapshots.flatMap(({ snapshot, ok, damaged, beyond, reasons }): PlaceFinding[] => {
    if (ok) return []
    const isUnclear = reasons.every((reason) => ["io", "unreadable", "unsupported"].includes(reason))
    const paths = damaged.length + beyond
    return [
      {
        severity: isUnclear ? "warning" : "critical",
        code: isUnclear ? "snapshot_unreadable" : "snapshot_damaged",
        subject: { kind: "snapshot", key: snapshot.id },
        title: `snapshot ${snapshot.id} cannot be restored in full: ${paths} ${paths === 1 ? "path" : "paths"} (${reasons.join(", ")})`,
        hint: "`cistern verify` names the paths, `cistern impact` what else a damaged file costs, and `cistern mend` puts one back from a copy.",
      },
    ]
  })
  const packs = bad.map(({ blob, code }): PlaceFinding => ({
    severity: ["io", "unreadable", "unsupported"].includes(code) ? "warning" : "critical",
    code: ["io", "unreadable", "unsupported"].includes(code) ? "snapshot_unreadable" : "file_damaged",
    subject: { kind: "repository", key: blob },
    title: `${blob}: ${code}`,
    hint: "`cistern impact` tells what it costs, and `cistern mend` puts it back from a copy.",
  }))
  const left: PlaceFinding[] =
    unindexed.length === 0
      ? []
      : [
          {
            severity: "info",
            code: "unindexed_packs",
            subject: { kind: "repository", key: unindexed[0]?.blob ?? "" },
            title: `${unindexed.length} packs are in no index: left by a writer that was killed, or an index was lost`,
            hint: "",
          },
        ]
  const whole: PlaceFinding[] =
    problem === undefined
      ? []
      : [
          {
            severity: "critical",
            code: problem.code,
            subject: { kind: "repository", key: "" },
            title: problem.message,
            hint: problem.hint ?? "",
          },
        ]
  return [...whole, ...damaged, ...packs, ...left]
}
