import type { Snapshot } from "../../storage/index.js"
import { type Anomaly, timeOf } from "./anomaly.js"
import type { History } from "./history.js"
import { counted } from "./words.js"

export interface WriterName {
  readonly user: string
  readonly host: string
}

/** So many snapshots of one writer, one after the other, make it the usual one. */
const STEADY = 5

/**
 * Snapshots of a writer that should not be there. `known` are those that may write; without it the usual one is learnt, where there
 * is one: movers whose host is the name of a pod have a new one each time, and tell nothing.
 */
export function writerAnomalies(
  { all }: History,
  known: readonly WriterName[] | undefined,
  subject: Anomaly["subject"],
): Anomaly[] {
  const written = all.filter(({ source }) => source.user !== "" || source.host !== "")
  const strangers =
    known === undefined
      ? newcomers(written)
      : written.filter(({ source }) => !known.some((writer) => nameOf(writer) === nameOf(source)))
  const names = [...new Set(strangers.map(({ source }) => nameOf(source)))]
  return names.flatMap((writer) => {
    const snapshots = strangers.filter(({ source }) => nameOf(source) === writer)
    const [first, last] = [snapshots[0], snapshots.at(-1)]
    if (first === undefined || last === undefined) return []
    const usual = known === undefined ? [usualBefore(written, first)] : known.map(nameOf)
    return [
      {
        code: "unknown_writer" as const,
        severity: known === undefined ? ("info" as const) : ("warning" as const),
        subject,
        title: `${counted(snapshots.length, "snapshot")} by ${writer}, which ${known === undefined ? "did not write here before" : "is not expected here"}.`,
        hint: `If this is no writer of yours, change the repository's password; a mover may restore its snapshots. Otherwise add its name to the conventions.`,
        evidence: {
          writer,
          expected: usual.slice(0, 20).map((name) => name ?? ""),
          snapshots: snapshots.length,
          first: timeOf(first),
          last: timeOf(last),
          newest: last.id,
        },
      },
    ]
  })
}

/** Of a writer that came after a steady one, until it is a steady one itself. */
function newcomers(all: readonly Snapshot[]): Snapshot[] {
  const counts = new Map<string, number>()
  for (const { source } of all) counts.set(nameOf(source), (counts.get(nameOf(source)) ?? 0) + 1)
  const firsts = new Map<string, Snapshot>()
  for (const snapshot of all)
    if (!firsts.has(nameOf(snapshot.source))) firsts.set(nameOf(snapshot.source), snapshot)
  return all.filter(({ source }) => {
    const first = firsts.get(nameOf(source))
    return (
      first !== undefined &&
      (counts.get(nameOf(source)) ?? 0) < STEADY &&
      usualBefore(all, first) !== undefined
    )
  })
}

/** The writer of all of the last few before it; undefined where there are too few or several. */
function usualBefore(all: readonly Snapshot[], first: Snapshot): string | undefined {
  const at = all.indexOf(first)
  const before = all.slice(Math.max(0, at - STEADY), at)
  const names = new Set(before.map(({ source }) => nameOf(source)))
  return before.length === STEADY && names.size === 1 ? [...names][0] : undefined
}

function nameOf({ user, host }: WriterName): string {
  return `${user}@${host}`
}
