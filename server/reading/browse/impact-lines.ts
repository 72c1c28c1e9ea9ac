import { setTimeout as delay } from "node:timers/promises"
import { costJson, costLines, costOf, verdictOf } from "../../contents/index.js"
import type { FencedPlace } from "../fenced-place.js"
import type { Line } from "./json-lines.js"
import type { OpenPlace } from "./open-place.js"
import type { BrowseRequest } from "./requests.js"

const PROGRESS_MS = 250

/** What the loss of a file costs: how far it is, now and then, and the answer as the end. */
export async function* impactLines(
  place: OpenPlace,
  fenced: FencedPlace,
  { file, most, place: name }: Extract<BrowseRequest, { kind: "impact" }>,
  signal: AbortSignal,
): AsyncGenerator<Line> {
  const repository = await place.repository(fenced)
  const seen: { line: Line | undefined } = { line: undefined }
  const cost = costOf(
    {
      engine: repository.engine,
      list: () => repository.list({ signal }),
      openContents: () => place.breathing(repository, signal),
    },
    file,
    {
      place: name,
      most,
      signal,
      progress: (read, known) => {
        seen.line = { progress: { read, known } }
      },
    },
  )
  const over = cost.then(
    () => true,
    () => true,
  )
  while (!(await Promise.race([over, delay(PROGRESS_MS, false)]))) {
    if (seen.line !== undefined) yield seen.line
    seen.line = undefined
  }
  const known = await cost
  yield { end: { cost: costJson(known), text: costLines(known), verdict: verdictOf(known) } }
}
