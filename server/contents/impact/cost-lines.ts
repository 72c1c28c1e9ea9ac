import { keyOfSource, type SnapshotImpact, type SourceImpact } from "../../../storage/impact/index.js"
import { formatInstant, type Snapshot } from "../../../storage/index.js"
import { acts } from "../../decision/acts.js"
import { textOf } from "../entry-json.js"
import { type Cost, identityOf } from "./cost-json.js"

/** People read some of them; `--json` has all. */
const MOST_SNAPSHOTS = 20
const MOST_PATHS = 10

const BRING_BACK =
  "Next: bring the file back from a copy of the repository; until then nothing can be restored."

/** For people, line by line: what is lost, where, and what to do next. It is not made harmless for a terminal. */
export function costLines(cost: Cost): readonly string[] {
  const { loss, impact, unlisted } = cost
  const lines = [`${loss.file}: ${whatIs(cost)}`]
  if (loss.note !== undefined) lines.push(loss.note)
  if (loss.recovery !== undefined) lines.push(`It can be won back: ${loss.recovery}`)
  if (unlisted !== undefined) {
    lines.push(`Which snapshots need it cannot be told: ${unlisted.message}.`, hintOf(unlisted.hint))
    return lines
  }
  if (loss.everything) {
    const volumes = counted(impact.sources.length, "volume")
    lines.push(
      `Without it nothing is left: ${counted(cost.snapshots.length, "snapshot")} of ${volumes}.`,
      ...(loss.recovery === undefined ? [BRING_BACK] : []),
    )
    return lines
  }
  const losing = impact.snapshots.filter(({ reasons }) => reasons.includes("lost"))
  const unclear = impact.snapshots.length - losing.length
  lines.push("", summary(cost, losing))
  for (const source of impact.sources) lines.push("", ...ofSource(cost, source, losing))
  if (loss.stops) lines.push("", BRING_BACK)
  if (unclear > 0)
    lines.push(
      "",
      `${counted(unclear, "snapshot")} cannot be read in full for other reasons, and may need it: run \`cistern verify\`.`,
    )
  return lines
}

function whatIs({ loss }: Cost): string {
  const contents = counted(loss.count, "content")
  switch (loss.kind) {
    case "pack":
      return `a pack, with ${contents} that ${loss.count === 1 ? "lies" : "lie"} nowhere else`
    case "index":
      return `an index file, which alone tells of ${contents}`
    case "snapshot":
      return "a snapshot's own file"
    case "key":
      return "a key"
    case "format":
      return loss.everything ? "what opens the repository" : "a file that is not needed"
    case "other":
      return "nothing that a backup needs"
  }
}

function summary({ impact, snapshots }: Cost, losing: readonly SnapshotImpact[]): string {
  if (losing.length === 0) return `No snapshot of ${snapshots.length} needs it.`
  const paths = losing.reduce((sum, one) => sum + one.paths.length + one.beyond, 0)
  const gone = losing.filter((one) => one.gone).length
  return [
    `With it, ${losing.length} of ${counted(snapshots.length, "snapshot")} of ${counted(impact.sources.length, "volume")} lose something:`,
    ...(gone === 0 ? [] : [`${counted(gone, "snapshot")} altogether,`]),
    `${counted(paths, "file or directory", "files and directories")} in all.`,
  ].join(" ")
}

function ofSource(
  { engine, place, loss }: Cost,
  source: SourceImpact,
  losing: readonly SnapshotImpact[],
): string[] {
  const key = keyOfSource(source.source)
  const own = losing.filter(({ snapshot }) => keyOfSource(snapshot.source) === key)
  if (own.length === 0) return []
  const shown = own.slice(-MOST_SNAPSHOTS)
  const left = own.length - shown.length
  const { host, paths } = source.source
  const besides = engine === "kopia" ? "" : ` (${host}:${paths.join(", ")})`
  return [
    `${identityOf(engine, place, source.source)}${besides}: ${source.damaged} of ${counted(source.snapshots, "snapshot")}`,
    ...(left === 0 ? [] : [`  … ${counted(left, "older snapshot")}`]),
    ...shown.flatMap(ofSnapshot),
    ...(loss.stops ? [] : nextStep(place, source)).map((line) => `  ${line}`),
  ]
}

function ofSnapshot({ snapshot, gone, paths, beyond }: SnapshotImpact): string[] {
  if (gone) return [`  ${named(snapshot)}: the snapshot itself`]
  const shown = paths.slice(0, MOST_PATHS)
  const left = paths.length - shown.length + beyond
  return [
    `  ${named(snapshot)}:`,
    ...shown.map(({ path, kind, reason }) => {
      const text = textOf(path) ?? `base64:${Buffer.from(path).toString("base64")}`
      const below = kind === "directory" ? " and everything in it" : ""
      return `    /${text}${below}${reason === "lost" ? "" : ` (cannot be read: ${reason})`}`
    }),
    ...(left === 0 ? [] : [`    … and ${left} more`]),
  ]
}

function nextStep(place: string, { newest, newestGood }: SourceImpact): string[] {
  if (newestGood === undefined) {
    return [
      "No complete snapshot of it is left that loses nothing.",
      "Next: bring the file back from a copy of the repository, and make a new backup now.",
    ]
  }
  if (newestGood === newest)
    return [`Next: nothing for a restore; it takes the newest, ${named(newest)}, which loses nothing.`]
  return [
    `Newest good one: ${named(newestGood)}`,
    `Next: bring the file back from a copy of the repository, or restore that one: set ${acts.restoreAsOf(newestGood.start)}, or run \`${acts.restoreSnapshot(place, newestGood.id)}\`.`,
  ]
}

function named({ id, start }: Snapshot): string {
  return `${id.slice(0, 12)} of ${formatInstant(start)}`
}

function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}

function hintOf(hint: string | undefined): string {
  return hint === undefined ? "" : `Next: ${hint}`
}
