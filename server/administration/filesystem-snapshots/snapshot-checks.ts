import type { StoreEntry } from "../../config/index.js"
import type { CheckJson } from "../../http/contract/admin.js"
import type {
  FilesystemSnapshotJson,
  SnapshotStoreJson,
  UnfinishedRollBacksJson,
} from "../../http/contract/filesystem-snapshots.js"
import { periodOf } from "./schedule.js"

const DAY_MS = 86_400_000
/** One that is held for so long may have been forgotten. */
const LONG_HELD_MS = 30 * DAY_MS
/** So many times of the schedule may pass without one before it is a warning, and before it is worse. */
const LATE = 2
const TOO_LATE = 4

/** Pure: what is to be said of the stores' filesystem snapshots. */
export function snapshotChecks(
  rows: readonly SnapshotStoreJson[],
  stores: readonly StoreEntry[],
  interrupted: UnfinishedRollBacksJson,
  now: number,
): CheckJson[] {
  return [
    ...rows.flatMap((row) => {
      const store = stores.find(({ name }) => name === row.store)
      return store === undefined ? [] : [...storeChecks(row, store, now), ...heldChecks(row, now)]
    }),
    ...defencelessCheck(rows),
    ...interrupted.rollBacks.map(({ store, id, state, message }): CheckJson => ({
      name: `roll back ${id} in store ${store}`,
      status: state === "between" || state === "unclear" ? "fail" : "warn",
      detail: `It was interrupted. ${message}`,
      hint: `cistern filesystem-snapshots settle ${store} ${id}`,
    })),
  ]
}

function storeChecks(row: SnapshotStoreJson, store: StoreEntry, now: number): CheckJson[] {
  const check = (status: CheckJson["status"], detail: string, hint: string | null): CheckJson[] => [
    { name: `filesystem snapshots of store ${row.store}`, status, detail, hint },
  ]
  const entry = store.filesystemSnapshots
  // That a store does not answer is said of the store.
  if (row.problem !== null && entry === undefined) return []
  if (entry === undefined) {
    if (!couldHave(row)) return []
    const refused = row.trees.find(({ possible }) => !possible)
    if (row.by === null)
      return check(
        "warn",
        `none can be made: ${refused?.message ?? "nobody knows why"}`,
        refused?.hint ?? null,
      )
    return check(
      "warn",
      "none are made: a mover with write access can destroy every backup in it",
      linesFor(row.store),
    )
  }
  const { schedule } = row
  const madeAt = schedule?.madeAt ?? null
  const last = schedule?.last ?? null
  const why =
    last === null || last.outcome === "ok"
      ? ""
      : ` The last run ${last.outcome}: ${last.detail ?? "nobody knows why"}.`
  const hint =
    row.trees.find(({ possible }) => !possible)?.hint ?? row.problem?.hint ?? "Look at the daemon's log."
  if (madeAt === null) {
    return last === null
      ? check("warn", "none was made by the schedule yet", "Ask again in a minute.")
      : check("fail", `none was ever made by the schedule.${why}`, hint)
  }
  const periods = (now - Date.parse(madeAt)) / periodOf(entry.schedule)
  const said = `made last at ${madeAt.slice(0, 19)}Z.${why}`
  if (periods >= TOO_LATE) return check("fail", `none since long: ${said}`, hint)
  if (periods >= LATE || why !== "") return check("warn", said, hint)
  return check("ok", `${schedule?.schedule ?? ""}, ${said}`, null)
}

/** btrfs that cannot as it is laid out can be laid out otherwise; other filesystems never can. */
function couldHave({ by, trees }: SnapshotStoreJson): boolean {
  return by !== null || trees.some(({ message }) => message !== null && !isNever(message))
}

function isNever(message: string): boolean {
  return message.endsWith("has no filesystem snapshots")
}

/** Said once for all of them, and no warning: nothing is wrong with it, and nobody can change it in a minute. */
function defencelessCheck(rows: readonly SnapshotStoreJson[]): CheckJson[] {
  const never = rows.filter(
    ({ by, problem, trees }) =>
      by === null &&
      problem === null &&
      trees.length > 0 &&
      trees.every(({ message }) => message !== null && isNever(message)),
  )
  if (never.length === 0) return []
  const names = never.map(({ store }) => store).join(", ")
  return [
    {
      name: "filesystem snapshots",
      status: "ok",
      detail: `${names}: ${never[0]?.trees[0]?.message ?? ""}, so that a mover with write access can destroy every backup there for good`,
      hint: "Put the store on btrfs or ZFS, or keep a second copy where no mover can write.",
    },
  ]
}

function heldChecks({ store, snapshots }: SnapshotStoreJson, now: number): CheckJson[] {
  const held = snapshots.filter(
    ({ holds, createdAt }) =>
      holds.length > 0 && createdAt !== null && now - Date.parse(createdAt) >= LONG_HELD_MS,
  )
  if (held.length === 0) return []
  const names = held.slice(0, 3).map(({ name, holds }) => `${name} by ${holds.join(", ")}`)
  return [
    {
      name: `held filesystem snapshots of store ${store}`,
      status: "warn",
      detail: `${held.length} are held for more than 30 days: ${names.join("; ")}${spaceOf(held)}`,
      hint: "What is deleted in the store frees nothing while they stay: cistern filesystem-snapshots release ID",
    },
  ]
}

function spaceOf(held: readonly FilesystemSnapshotJson[]): string {
  const known = held.flatMap(({ ownBytes }) => (ownBytes === null ? [] : [ownBytes]))
  if (known.length === 0) return ""
  const bytes = known.reduce((sum, one) => sum + one, 0)
  return `. They hold at least ${bytes} bytes`
}

function linesFor(store: string): string {
  return [
    `Add to store ${store} in the document:`,
    "    filesystemSnapshots:",
    '      schedule: { every: day, at: "03:30" }',
    "      keep: { last: 3, daily: 7, weekly: 4 }",
  ].join("\n")
}
