import { isAbsolute, relative, resolve } from "node:path"
import { type Command, InvalidArgumentError } from "commander"
import { type Impact, impactOf } from "../../storage/impact/index.js"
import { type Listing, type LostContents, type Repository, StorageError } from "../../storage/index.js"
import { openPlace, type PlaceOptions, withPlace } from "./contents/place.js"
import type { Context } from "./context.js"
import { type ExitCode, exitCodes } from "./exit-codes.js"
import { type Cost, costJson } from "./impact/impact-json.js"
import { costText } from "./impact/impact-text.js"
import { progress, type ProgressOptions, withProgress } from "./progress.js"

interface Options extends PlaceOptions, ProgressOptions {
  readonly most: number
  readonly json?: boolean
}

export function impactCommand(program: Command, context: Context): void {
  const command = program
    .command("impact")
    .argument("<blob>", "a file of the repository: a blob's id, its path, or the beginning of either")
    .description(
      "tell what would be lost with a file of a repository: snapshots, volumes, files (no daemon needed)",
    )
    .option("--most <count>", "files named of one snapshot; more are counted", readCount, 1000)
    .option("--json", "print JSON")
  withProgress(withPlace(command)).action(async (blob: string, options: Options) => {
    const cost = await costOf(fileIn(resolve(options.at), blob), options, context)
    if (options.json === true) context.out.json(costJson(cost))
    else context.out.text(costText(cost))
    context.exitWith(exitCodeOf(cost))
  })
}

/** A path as somebody copies it from a listing or a message. */
function fileIn(place: string, blob: string): string {
  const below = isAbsolute(blob) ? relative(place, blob) : blob
  return below.startsWith("..") ? blob : below
}

async function costOf(blob: string, options: Options, context: Context): Promise<Cost> {
  const repository = await openPlace(options, context)
  const listing = await listed(repository)
  const contents = await repository.openContents()
  const loss = await contents.contentsIn(blob)
  const about = { place: resolve(options.at), engine: repository.engine, loss }
  if (listing instanceof StorageError) {
    if (listing.facts["file"] !== loss.file) throw listing
    return { ...about, snapshots: [], impact: nothing, unlisted: listing }
  }
  const { snapshots } = listing
  const bar = progress(context, { label: "impact", unit: "directories", ...modeOf(options) })
  try {
    const impact = await impactOf(contents, snapshots, loss.has, {
      gone: goneWith(loss, listing),
      most: options.most,
      progress: (read, known) => {
        bar.update(read, known)
      },
    })
    return { ...about, snapshots, impact, unlisted: undefined }
  } finally {
    bar.end()
  }
}

const nothing: Impact = { snapshots: [], sources: [], directories: 0 }

/** A listing fails with the very file that holds what is listed; then that is the answer. */
async function listed(repository: Repository): Promise<Listing | StorageError> {
  try {
    return await repository.list()
  } catch (error) {
    if (error instanceof StorageError) return error
    throw error
  }
}

function goneWith(loss: LostContents, { snapshots }: Listing): ReadonlySet<string> {
  return new Set(loss.everything ? snapshots.map(({ id }) => id) : loss.snapshots)
}

/** Something else that cannot be read may need the file, too: then it could not be told. */
function exitCodeOf({ loss, impact, unlisted }: Cost): ExitCode {
  const loses = impact.snapshots.some(({ reasons }) => reasons.includes("lost"))
  if (loses || loss.everything || unlisted !== undefined) return exitCodes.wrong
  return impact.snapshots.length > 0 ? exitCodes.unclear : exitCodes.ok
}

function modeOf({ progress: mode }: Options) {
  return mode === undefined ? {} : { mode }
}

function readCount(text: string): number {
  const count = Number(text)
  if (/^\d{1,7}$/.test(text) && count > 0) return count
  throw new InvalidArgumentError("it is a whole number from 1 to 9999999.")
}
