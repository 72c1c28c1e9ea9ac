import { volumeKey } from "../../../storage/identity/index.js"
import type { StorageError } from "../../../storage/index.js"
import {
  type GuessedCopy,
  isRoleName,
  type RepositoryContents,
  type Unlooked,
} from "../../../storage/survey/index.js"
import { type ExitCode, exitCodeOfStorage, exitCodes } from "../exit-codes.js"
import { manyOf } from "./describe.js"
import type { Evidence } from "./evidence.js"
import { isHalfMade } from "./half-made.js"
import type { AdoptNotice } from "./proposal.js"

/** What is to be said of the repositories that could not be opened or listed, and of those that are there twice. */
export function contentNotices(contents: readonly RepositoryContents[], tried: boolean): AdoptNotice[] {
  return [
    ...contents.flatMap(({ path, error }) => (error === undefined ? [] : [faultNotice(path, error, tried)])),
    ...twins(contents),
  ]
}

function faultNotice(path: string, error: StorageError, tried: boolean): AdoptNotice {
  const { code, message } = error
  const hint = error.hint ?? null
  if (code === "password_missing" || code === "wrong_password") {
    return {
      code: "not_opened",
      path,
      message: tried ? "no password that was given opens it" : "its password is needed to read it",
      hint: tried ? hint : "Give it with --password-file FILE or --password-env NAME; several may be given.",
    }
  }
  if (isHalfMade({ error })) return { code: "half_made", path, message, hint }
  const damaged = exitCodeOfStorage[code] === exitCodes.wrong
  return { code: damaged ? "damaged" : "unreadable", path, message, hint }
}

/** The same repository at two places: one is a copy of the other, or a filesystem snapshot. */
function twins(contents: readonly RepositoryContents[]): AdoptNotice[] {
  const places = new Map<string, string[]>()
  for (const { id, path } of contents) if (id !== undefined) places.set(id, [...(places.get(id) ?? []), path])
  return [...places.values()].flatMap(([first, ...others]) =>
    others.map((path) => ({
      code: "twin" as const,
      path,
      message: `it is the same repository as ${first === "" ? "that of the place itself" : (first ?? "")}: one is a copy of the other`,
      hint: "Declare the one that the movers use, and take the other out of the document.",
    })),
  )
}

interface Seen {
  readonly copies: readonly GuessedCopy[]
  readonly more: boolean
  readonly namespaces: ReadonlySet<string>
}

/** What else the survey showed: copies, prepared places, filesystems that were crossed. */
export function surveyNotices({ survey }: Evidence, { copies, more, namespaces }: Seen): AdoptNotice[] {
  const notices = copies.map((copy): AdoptNotice => {
    const whose = copy.volume === undefined ? "a volume" : volumeKey(copy.volume)
    return {
      code: "copy",
      path: copy.path,
      message: `${copy.confidence === "likely" ? "likely" : "possibly"} a plain copy of ${whose}, made by rclone or rsync: ${copy.why}`,
      hint: "Plain copies cannot be declared yet.",
    }
  })
  if (more)
    notices.push({ code: "copy", path: null, message: "there are more folders like these", hint: null })
  for (const path of preparedAmong(survey.empty, survey.repositories, namespaces)) {
    notices.push({
      code: "prepared",
      path,
      message: "an empty folder: a place that was prepared, or a filesystem that is not mounted",
      hint: "Where it is meant for new backups, declare it yourself with `new: true`.",
    })
  }
  for (const path of survey.strayShards) {
    notices.push({
      code: "stray_shards",
      path,
      message: "a .shards lies here among other things: kopia looked here for a repository once",
      hint: null,
    })
  }
  for (const { path, type, source } of survey.crossed) {
    notices.push({
      code: "crossed_mount",
      path,
      message: `${type} ${source} is mounted there, and was looked into`,
      hint: null,
    })
  }
  return notices
}

/** Empty folders that somebody may have made for backups: named so, or beside repositories. */
function preparedAmong(
  empty: readonly string[],
  repositories: Evidence["survey"]["repositories"],
  namespaces: ReadonlySet<string>,
): string[] {
  const beside = new Set(repositories.map(({ path }) => parentOf(path)))
  return empty.filter((path) => {
    if (path === "") return true
    const name = path.slice(path.lastIndexOf("/") + 1)
    return (
      beside.has(parentOf(path)) || isRoleName(name) || namespaces.has(parentOf(path).split("/").at(-1) ?? "")
    )
  })
}

function parentOf(path: string): string {
  const slash = path.lastIndexOf("/")
  return slash < 0 ? "" : path.slice(0, slash)
}

const unclear = new Set<AdoptNotice["code"]>(["half_made", "not_opened", "unreadable", "left_out", "whose"])
const harmless = new Set<Unlooked["code"]>(["seen", "kernel"])

/** 0: found, and clear. 1: nothing found, or damage. 3: something could not be told. */
export function exitCodeOf(
  found: number,
  notices: readonly AdoptNotice[],
  unlooked: readonly Unlooked[],
): ExitCode {
  if (notices.some(({ code }) => code === "damaged")) return exitCodes.wrong
  if (unlooked.some(({ code }) => !harmless.has(code))) return exitCodes.unclear
  if (notices.some(({ code }) => unclear.has(code))) return exitCodes.unclear
  return found === 0 ? exitCodes.wrong : exitCodes.ok
}

const MOST_LINES = 5

/** Lines for standard error: of many notices of one kind, the first few. */
export function noticeLines(notices: readonly AdoptNotice[]): string[] {
  return [...new Set(notices.map(({ code }) => code))].flatMap((code) => {
    const all = notices.filter((notice) => notice.code === code)
    const more = all.slice(MOST_LINES)
    return [
      ...all.slice(0, MOST_LINES).flatMap(linesOf),
      ...(more.length === 0
        ? []
        : [`notice: and ${more.length} more: ${manyOf(more.map(({ path }) => path ?? "."))} [${code}]`]),
    ]
  })
}

function linesOf({ code, path, message, hint }: AdoptNotice): string[] {
  const where = path === null ? "" : `${path === "" ? "." : path}: `
  return [`notice: ${where}${message} [${code}]`, ...(hint === null ? [] : [`  hint: ${hint}`])]
}
