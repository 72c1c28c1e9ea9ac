import { isAbsolute, relative, resolve } from "node:path"
import { type Command, InvalidArgumentError } from "commander"
import { z } from "zod"
import { costJson, costLines, costOf, verdictOf } from "../contents/index.js"
import { contentsPaths, impactEnd, impactProgress } from "../http/contract/contents.js"
import { askContents, rowsOf } from "./contents/daemon-lines.js"
import { openPlace, type PlaceOptions } from "./contents/place.js"
import { sourceOf, type SourceOptions, withSource } from "./contents/source.js"
import type { Context } from "./context.js"
import type { Query } from "./daemon-client.js"
import { type ExitCode, exitCodes } from "./exit-codes.js"
import { printable } from "./printable.js"
import { progress, type Progress, type ProgressOptions, withProgress } from "./progress.js"

interface Options extends SourceOptions, ProgressOptions {
  readonly most: number
  readonly json?: boolean
}

export function impactCommand(program: Command, context: Context): void {
  const command = program
    .command("impact")
    .argument("<blob>", "a file of the repository: a blob's id, its path, or the beginning of either")
    .description(
      "tell what would be lost with a file of a repository: snapshots, volumes, files (with --at no daemon is needed)",
    )
    .option("--most <count>", "files named of one snapshot; more are counted", readCount, 1000)
    .option("--json", "print JSON")
  withProgress(withSource(command)).action(async (blob: string, options: Options) => {
    const { json, text, verdict } = await told(blob, options, context)
    if (options.json === true) context.out.json(json)
    else context.out.text(text.map((line) => printable(line)).join("\n"))
    context.exitWith(exitCodeOf[verdict])
  })
}

/** A path as somebody copies it from a listing or a message. */
function fileIn(place: string, blob: string): string {
  const below = isAbsolute(blob) ? relative(place, blob) : blob
  return below.startsWith("..") ? blob : below
}

/** What is shown, wherever it was worked out. */
interface Told {
  readonly json: object
  readonly text: readonly string[]
  readonly verdict: ReturnType<typeof verdictOf>
}

async function told(blob: string, options: Options, context: Context): Promise<Told> {
  const source = sourceOf(options)
  const bar = progress(context, { label: "impact", unit: "directories", ...modeOf(options) })
  try {
    return source.kind === "place"
      ? await toldHere(blob, source.place, options, context, bar)
      : await toldByDaemon(blob, source.target, options, context, bar)
  } finally {
    bar.end()
  }
}

async function toldHere(
  blob: string,
  at: PlaceOptions,
  { most }: Options,
  context: Context,
  bar: Progress,
): Promise<Told> {
  const place = resolve(at.at)
  const cost = await costOf(await openPlace(at, context), fileIn(place, blob), {
    place,
    most,
    progress: (read, known) => {
      bar.update(read, known)
    },
  })
  return { json: costJson(cost), text: costLines(cost), verdict: verdictOf(cost) }
}

async function toldByDaemon(
  blob: string,
  target: Query,
  { most }: Options,
  context: Context,
  bar: Progress,
): Promise<Told> {
  const body = await askContents(contentsPaths.impact, { ...target, file: blob, most: String(most) }, context)
  const answers: Told[] = []
  const rows = rowsOf(body, {
    row: z.never(),
    end: impactEnd,
    ended: ({ cost, text, verdict }) => answers.push({ json: cost, text, verdict }),
    progress: (figures) => {
      const { read, known } = impactProgress.parse(figures)
      bar.update(read, known)
    },
  })
  await rows.next()
  const [answer] = answers
  if (answer === undefined) throw new RangeError("the answer has an end")
  return answer
}

const exitCodeOf: Readonly<Record<Told["verdict"], ExitCode>> = {
  lost: exitCodes.wrong,
  unclear: exitCodes.unclear,
  nothing: exitCodes.ok,
}

function modeOf({ progress: mode }: Options) {
  return mode === undefined ? {} : { mode }
}

function readCount(text: string): number {
  const count = Number(text)
  if (/^\d{1,7}$/.test(text) && count > 0) return count
  throw new InvalidArgumentError("it is a whole number from 1 to 9999999.")
}
