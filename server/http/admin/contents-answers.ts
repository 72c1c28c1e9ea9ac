import type { Request, Response } from "express"
import { pathJson } from "../../contents/index.js"
import type { BrowseHead, BrowseNote, BrowseStream } from "../../reading/browse/index.js"
import { documentFrame, frameHeader, framesType, type NoteJson } from "../contract/frames.js"
import { errorResponse } from "../errors.js"
import { attachment } from "./download-name.js"
import { pour, type Writing } from "./pour.js"

export interface AnswerParts {
  readonly request: Request
  readonly response: Response
  readonly check: () => void
  readonly failed: (error: unknown) => void
}

/** Gives the rest of an answer, of which the head is known, to whoever asked. Never rejects. */
export async function sendAnswer(
  stream: BrowseStream,
  head: BrowseHead,
  { request, response, check, failed }: AnswerParts,
): Promise<void> {
  if (response.destroyed) {
    stream.cancel()
    return
  }
  response.setHeader("Cache-Control", "no-store")
  response.setHeader("X-Content-Type-Options", "nosniff")
  const isFramed = request.headers.accept === framesType
  if (head.kind === "file") fileHeaders(head, isFramed, response)
  else if (head.kind === "archive") archiveHeaders(head, response)
  else response.setHeader("Content-Type", head.kind === "json" ? "application/json" : "application/x-ndjson")
  const isBytes = head.kind === "file" || head.kind === "archive"
  const isNothing = head.kind === "file" && head.range === "unsatisfiable"
  if (isFramed && isBytes && !isNothing) {
    response.removeHeader("Content-Length")
    response.setHeader("Content-Type", framesType)
  }
  if (request.method === "HEAD" || isNothing) {
    stream.cancel()
    if (isNothing && request.method !== "HEAD") response.json(unsatisfiable(head, request.headers.range))
    else response.end()
    return
  }
  const writing = !isBytes ? (head.kind === "lines" ? lines : plain) : isFramed ? framed : plain
  response.flushHeaders()
  await pour(stream, response, writing, { check, failed })
}

function fileHeaders(
  { name, size, range, tag }: Extract<BrowseHead, { kind: "file" }>,
  isFramed: boolean,
  response: Response,
): void {
  response.setHeader("ETag", `"${tag}"`)
  response.setHeader("Accept-Ranges", "bytes")
  if (range === "unsatisfiable") {
    response.status(416).setHeader("Content-Range", `bytes */${size}`)
    return
  }
  response.setHeader("Content-Type", "application/octet-stream")
  response.setHeader("Content-Disposition", attachment(name))
  if (!isFramed) response.setHeader("Content-Length", range?.length ?? size)
  if (range === undefined) return
  response.status(206)
  response.setHeader("Content-Range", `bytes ${range.offset}-${range.offset + range.length - 1}/${size}`)
}

function archiveHeaders(
  { name, format }: Extract<BrowseHead, { kind: "archive" }>,
  response: Response,
): void {
  response.setHeader("Content-Type", format === "tar" ? "application/x-tar" : "application/zip")
  response.setHeader("Content-Disposition", attachment(name, `.${format}`))
}

function unsatisfiable({ size }: { readonly size: number }, range = "") {
  const wanted = range.replace(/^bytes=/i, "").slice(0, 60)
  return {
    code: "missing",
    message: `the file has ${size} bytes: none of them is in ${wanted}`,
    hint: null,
  }
}

/** As they are. What was left out of an archive is not told. */
const plain: Writing = {
  piece: (bytes) => [bytes],
  note: () => [],
  alive: undefined,
  end: undefined,
  failed: undefined,
}

const lines: Writing = { ...plain, alive: Buffer.from("\n") }

const framed: Writing = {
  piece: (bytes) => [frameHeader("bytes", bytes.length), bytes],
  note: (note) => [documentFrame("note", noteOf(note))],
  alive: frameHeader("alive", 0),
  end: frameHeader("end", 0),
  failed: (error) => documentFrame("error", errorResponse(error)?.body ?? INTERNAL),
}

const INTERNAL = {
  code: "internal",
  message: "Internal error. The daemon's log has the details.",
  hint: null,
}

function noteOf({ path, ...note }: BrowseNote): NoteJson {
  return { ...pathJson(path), ...note }
}
