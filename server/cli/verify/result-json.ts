import { isUnclear, type VerifiedSnapshot, type VerifyResult } from "../../../storage/verify/index.js"
import { textOf } from "../contents/entry-json.js"
import { type ExitCode, exitCodes } from "../exit-codes.js"
import { formatBytes } from "../figures.js"
import type { Output } from "../output.js"
import { printable } from "../printable.js"

/** Nothing is damaged, but something could not be read: that is not told apart from damage by anything but the code. */
export function exitCodeOf({ ok, bad, snapshots }: VerifyResult): ExitCode {
  if (ok) return exitCodes.ok
  const codes = [...bad.map(({ code }) => code), ...snapshots.flatMap(({ reasons }) => reasons)]
  return codes.every(isUnclear) ? exitCodes.unclear : exitCodes.wrong
}

/** design §4. A damaged path that is not UTF-8 is in `damagedBase64` instead. The root itself is "/". */
export function resultJson(result: VerifyResult): unknown {
  const { level, ok, bad, badBeyond, unindexed, counts, repositoryId, engine } = result
  return {
    repository: { engine, id: repositoryId },
    level,
    ok,
    snapshots: result.snapshots.map(({ snapshot, ok: isWhole, damaged, beyond, reasons }) => {
      const texts = damaged.map(({ path }) => pathText(path))
      const others = damaged.filter((_, at) => texts[at] === undefined)
      return {
        id: snapshot.id,
        ok: isWhole,
        damaged: texts.filter((text) => text !== undefined),
        ...(others.length === 0
          ? {}
          : { damagedBase64: others.map(({ path }) => Buffer.from(path).toString("base64")) }),
        ...(beyond === 0 ? {} : { damagedBeyond: beyond }),
        reasons,
      }
    }),
    bad,
    ...(badBeyond === 0 ? {} : { badBeyond }),
    unindexed,
    counts,
  }
}

function pathText(path: Uint8Array): string | undefined {
  return path.length === 0 ? "/" : textOf(path)
}

const MOST_SHOWN = 20

export function printResult(result: VerifyResult, out: Output): void {
  const { snapshots, bad, badBeyond, unindexed, level, counts, problem } = result
  for (const { blob, code, contents } of bad.slice(0, MOST_SHOWN)) {
    out.text(`${printable(blob)}: ${code}${contents > 1 ? `, ${contents} contents` : ""}`)
  }
  const more = bad.length + badBeyond - MOST_SHOWN
  if (more > 0) out.text(`… and ${more} more`)
  if (problem !== undefined) out.text(printable(problem.message))
  for (const one of snapshots) if (!one.ok) printSnapshot(one, out)
  if (unindexed.length > 0) {
    const bytes = unindexed.reduce((sum, { bytes: length }) => sum + length, 0)
    out.text(
      `${unindexed.length} packs (${formatBytes(bytes)}) are in no index: left by a writer that was killed, or an index was lost`,
    )
  }
  const whole = snapshots.filter(({ ok }) => ok).length
  const how = level === "read" ? `${formatBytes(counts.bytesRead)} read` : "nothing but directories read"
  out.text(
    `${whole} of ${snapshots.length} snapshots can be restored (${level}; ${counts.contents} contents, ${how})`,
  )
}

function printSnapshot({ snapshot, damaged, beyond, reasons }: VerifiedSnapshot, out: Output): void {
  const count = damaged.length + beyond
  out.text(
    `snapshot ${snapshot.id}: ${count} damaged ${count === 1 ? "path" : "paths"} (${reasons.join(", ")})`,
  )
  for (const { path, code } of damaged.slice(0, MOST_SHOWN))
    out.text(`  ${printable(path.length === 0 ? "/" : Buffer.from(path).toString())} [${code}]`)
  if (damaged.length + beyond > MOST_SHOWN) out.text(`  … and ${damaged.length + beyond - MOST_SHOWN} more`)
}
