import { type Request, type Response, Router } from "express"
import { archiveFormats } from "../../../storage/browse/index.js"
import type { BrowseHead, BrowseRequest, BrowseStream, Spot } from "../../reading/browse/index.js"
import { contentsPaths } from "../contract/contents.js"
import { HttpError } from "../errors.js"
import { type AnswerParts, sendAnswer } from "./contents-answers.js"
import { queryOf } from "./request-parts.js"

/** Whose snapshots are meant, as a query says it. */
export interface ContentsTarget {
  readonly repository?: string | undefined
  readonly repositoryPath?: string | undefined
  readonly cluster?: string | undefined
  readonly namespace?: string | undefined
  readonly pvc?: string | undefined
}

/** What the daemon itself says is left out, of each member of the union. */
type WithoutOnly<Request> = Request extends unknown ? Omit<Request, "only" | "place"> : never
export type ContentsRequest = WithoutOnly<BrowseRequest>

export interface AskedContents {
  readonly stream: BrowseStream
  /** Throws HttpError while the store hangs. */
  readonly check: () => void
}

/** What these routes need of the daemon, and no more. Each may throw StorageError or HttpError. */
export interface ContentsAdministration {
  ask(target: ContentsTarget, request: ContentsRequest): AskedContents
  /** For the log: what failed after an answer had begun. */
  failed(error: unknown): void
}

type Query = Partial<Record<string, string>>

const USUAL_PAGE = 200
const MOST_PAGE = 1_000
const USUAL_PATHS = 1_000
const MOST_PATHS = 100_000
/** Paths that systems take have 4096 bytes. */
const LONGEST_PATH = 4_096

/** What is in snapshots: pages, lists, searches, files and archives. */
export function contentsRoutes(contents: ContentsAdministration): Router {
  const router = Router()
  const route = (path: string, requestOf: (query: Query, request: Request) => ContentsRequest): void => {
    router.get(path, async (request, response) => {
      const query = queryOf(request)
      const { repository, repositoryPath, cluster, namespace, pvc } = query
      const target = { repository, repositoryPath, cluster, namespace, pvc }
      const asked = contents.ask(target, requestOf(query, request))
      await respond(asked, request, response, (error) => {
        contents.failed(error)
      })
    })
  }
  route(contentsPaths.page, (query) => ({
    kind: "page",
    at: spotOf(query, "snapshot", "path"),
    after: cursorOf(query["after"]),
    limit: numberOf(query, "limit", USUAL_PAGE, MOST_PAGE),
  }))
  route(contentsPaths.entries, (query) => ({
    kind: "entries",
    at: spotOf(query, "snapshot", "path"),
    recursive: flagOf(query, "recursive"),
    sha256: flagOf(query, "sha256"),
  }))
  route(contentsPaths.found, (query) => {
    const { snapshot, identity } = query
    if (snapshot !== undefined && identity !== undefined)
      throw new HttpError(400, "invalid", "snapshot and identity exclude each other: a snapshot has one.")
    return {
      kind: "found",
      pattern: query["pattern"] ?? "",
      under: pathOf(query, "under"),
      ignoreCase: flagOf(query, "ignoreCase"),
      snapshot: snapshot === undefined ? undefined : snapshotOf(snapshot),
      identity,
    }
  })
  route(contentsPaths.differences, (query) => ({
    kind: "differences",
    before: spotOf(query, "before", "beforePath"),
    after: spotOf(query, "after", "afterPath"),
    metadata: flagOf(query, "metadata"),
  }))
  route(contentsPaths.file, (query, { headers }) => {
    const ifRange = headers["if-range"]
    return {
      kind: "file",
      at: spotOf(query, "snapshot", "path"),
      range: headers.range,
      ifRange: typeof ifRange === "string" ? ifRange : undefined,
    }
  })
  route(contentsPaths.archive, (query) => {
    const format = archiveFormats.find((one) => one === query["format"])
    if (format === undefined)
      throw new HttpError(400, "invalid", `format is one of ${archiveFormats.join(", ")}.`)
    const damaged = query["damaged"] ?? "stop"
    if (damaged !== "stop" && damaged !== "skip")
      throw new HttpError(400, "invalid", "damaged is stop or skip.")
    return { kind: "archive", at: spotOf(query, "snapshot", "path"), format, damaged }
  })
  route(contentsPaths.impact, (query) => {
    const file = pathOf(query, "file")
    if (file === "") throw new HttpError(400, "invalid", "file is a file of the repository.")
    return { kind: "impact", file, most: numberOf(query, "most", USUAL_PATHS, MOST_PATHS) }
  })
  return router
}

/** Waits for the head no longer than a client does, and goes on to read: who asks again finds it read. */
const HEAD_MS = 45_000
const LOOK_MS = 500

async function respond(
  { stream, check }: AskedContents,
  request: Request,
  response: Response,
  failed: (error: unknown) => void,
): Promise<void> {
  response.once("close", () => {
    stream.cancel()
  })
  const head = await headOf(stream, check).catch((error: unknown) => {
    // Nobody is there any more who could be told.
    if (response.destroyed) return undefined
    throw error
  })
  if (head === undefined) return
  const parts: AnswerParts = { request, response, check, failed }
  await sendAnswer(stream, head, parts)
}

async function headOf(stream: BrowseStream, check: () => void): Promise<BrowseHead> {
  const asked = performance.now()
  const timer = setInterval(() => {
    try {
      check()
      if (performance.now() - asked < HEAD_MS) return
      throw new HttpError(503, "still_reading", "The repository's indexes are still being read.", {
        hint: "Ask again in a minute: what was read until then stays in memory.",
      })
    } catch (error) {
      stream.cancel(error as Error)
    }
  }, LOOK_MS)
  try {
    return await stream.head
  } finally {
    clearInterval(timer)
  }
}

function spotOf(query: Query, snapshot: string, path: string): Spot {
  return { snapshot: snapshotOf(query[snapshot] ?? "", snapshot), path: pathOf(query, path) }
}

function snapshotOf(text: string, name = "snapshot"): string {
  if (/^(?:[0-9a-f]{1,64}|latest)$/.test(text)) return text
  throw new HttpError(400, "invalid", `${name} is a snapshot's id, the beginning of one, or latest.`)
}

/** Throws HttpError 400 for what no path in a snapshot is. */
function pathOf(query: Query, name: string): string {
  const text = query[name] ?? ""
  const path = text.replace(/^\/+|\/+$/g, "")
  const isWrong =
    Buffer.byteLength(path) > LONGEST_PATH ||
    path.includes("\0") ||
    path.split("/").some((part) => part === "." || part === "..")
  if (!isWrong) return path
  throw new HttpError(400, "invalid", `${name} is no path in a snapshot.`, {
    hint: 'It has no ".", ".." and NUL, and at most 4096 bytes.',
  })
}

function cursorOf(text: string | undefined): Uint8Array | undefined {
  if (text === undefined) return undefined
  if (/^[\w-]{1,6000}$/.test(text)) return Buffer.from(text, "base64url")
  throw new HttpError(400, "invalid", "after is the next of the page before.")
}

function flagOf(query: Query, name: string): boolean {
  const text = query[name] ?? "false"
  if (text === "true" || text === "false") return text === "true"
  throw new HttpError(400, "invalid", `${name} is true or false.`)
}

function numberOf(query: Query, name: string, usual: number, most: number): number {
  const text = query[name]
  if (text === undefined) return usual
  if (!/^\d{1,9}$/.test(text) || Number(text) < 1)
    throw new HttpError(400, "invalid", `${name} is a number from 1.`)
  return Math.min(Number(text), most)
}
