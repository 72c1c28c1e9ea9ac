import { archive } from "../../../storage/browse/index.js"
import { findEntry, type SnapshotEntry, StorageError } from "../../../storage/index.js"
import { errnoOf } from "../../../storage/errno.js"
import { chooseSnapshot, differencesOf, DiffSums, findRows, listEntries } from "../../contents/index.js"
import type { FencedPlace } from "../fenced-place.js"
import type { Answer, AnswerContext } from "./answer.js"
import { fileAnswer } from "./file-answer.js"
import { impactLines } from "./impact-lines.js"
import { type Line, linesOf } from "./json-lines.js"
import type { OpenPlace } from "./open-place.js"
import { pageAnswer } from "./page-answer.js"
import type { BrowseHead, BrowseRequest } from "./requests.js"

/**
 * Answers in a thread of its own: the head when it is known that there is an answer, the rest as it is taken. The fences are checked
 * before, and once more before the end is told; whatever fails behind a fence that does not hold fails for that reason.
 */
export async function* answer(
  place: OpenPlace,
  request: BrowseRequest,
  context: AnswerContext,
): AsyncGenerator<BrowseHead | Uint8Array> {
  let fenced: FencedPlace | undefined
  try {
    fenced = place.fenced()
    const { head, body } = await answerOf(place, fenced, request, context)
    place.assertSame(fenced)
    yield head
    yield* body
    // Lines were checked before their end, and said what was wrong as the last of them.
    if (head.kind !== "lines") place.assertSame(fenced)
  } catch (error) {
    throw explained(error, place, fenced)
  } finally {
    fenced?.close()
  }
}

/** What the asker is to hear: a fence that does not hold explains every error. */
function explained(error: unknown, place: OpenPlace, fenced: FencedPlace | undefined): unknown {
  try {
    if (fenced !== undefined) place.assertSame(fenced)
  } catch (reason) {
    return reason
  }
  const errno = errnoOf(error)
  if (error instanceof StorageError || errno === undefined) return error
  const message = error instanceof Error ? error.message : errno
  return new StorageError(errno === "ENOENT" ? "missing" : "io", message, { cause: error })
}

async function answerOf(
  place: OpenPlace,
  fenced: FencedPlace,
  request: BrowseRequest,
  { signal, note }: AnswerContext,
): Promise<Answer> {
  /** Before the last line it is certain that all was read from where it is said to be. */
  const lines = (rows: AsyncIterable<Line>): Answer => ({
    head: { kind: "lines" },
    body: linesOf(checked(rows, place, fenced), (error) => explained(error, place, fenced), signal),
  })
  if (request.kind === "impact") return lines(await begun(impactLines(place, fenced, request, signal)))
  const opened = await place.open(fenced, request.only, signal)
  const { contents, snapshots } = opened
  switch (request.kind) {
    case "page":
      return pageAnswer(opened, request)
    case "entries": {
      const { at, recursive, sha256 } = request
      const rows = listEntries(contents, chooseSnapshot(snapshots, at.snapshot), at.path, {
        recursive,
        sha256,
      })
      return lines(withEnd(await begun(rows), () => ({})))
    }
    case "found":
      return lines(withEnd(findRows(opened, request, signal), () => ({})))
    case "differences": {
      const sums = new DiffSums()
      const side = ({ snapshot, path }: typeof request.before) => ({
        snapshot: chooseSnapshot(snapshots, snapshot),
        path,
      })
      const { metadata } = request
      const [before, after] = [side(request.before), side(request.after)]
      const changes = differencesOf(contents, { before, after, metadata, signal }, sums)
      return lines(withEnd(await begun(changes), () => ({ summary: sums.json() })))
    }
    case "file":
      return await fileAnswer(opened, request)
    case "archive": {
      const { at, format, damaged } = request
      const snapshot = chooseSnapshot(snapshots, at.snapshot)
      const entry = await findEntry(contents, snapshot, at.path)
      if (entry.kind !== "directory") throw noDirectory(at.path, entry)
      const name = entry.name.length > 0 ? entry.name : Buffer.from(snapshot.id.slice(0, 12))
      const body = archive(contents, entry, {
        format,
        damaged,
        signal,
        onProblem: (path, { code, message }) => {
          note({ kind: "left_out", path, code, message })
        },
        onLoss: (path, loss) => {
          note({ kind: "loss", path, loss })
        },
      })
      return { head: { kind: "archive", name, format }, body }
    }
  }
}

/** What fails at the beginning fails before anything is told. */
async function begun<Row>(rows: AsyncGenerator<Row>): Promise<AsyncIterable<Row>> {
  const first = await rows.next()
  return (async function* () {
    if (first.done === true) return
    yield first.value
    yield* rows
  })()
}

async function* withEnd(rows: AsyncIterable<object>, end: () => object): AsyncGenerator<Line> {
  for await (const row of rows) yield { row }
  yield { end: end() }
}

async function* checked(
  lines: AsyncIterable<Line>,
  place: OpenPlace,
  fenced: FencedPlace,
): AsyncGenerator<Line> {
  for await (const line of lines) {
    if ("end" in line) place.assertSame(fenced)
    yield line
  }
}

function noDirectory(path: string, { kind }: SnapshotEntry): StorageError {
  return new StorageError("invalid", `/${path} is no directory but: ${kind}`, {
    hint: "Only a directory becomes an archive (--format, --skip-damaged).",
  })
}
