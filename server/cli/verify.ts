import { resolve } from "node:path"
import { type Command, InvalidArgumentError } from "commander"
import { DirectoryTree } from "../../storage/blobs/index.js"
import { openRepository } from "../../storage/index.js"
import { verify, type VerifyResult } from "../../storage/verify/index.js"
import type { Context } from "./context.js"
import { type PlaceOptions, withPlace } from "./contents/place.js"
import { exitCodes } from "./exit-codes.js"
import { readPassword } from "./password-option.js"
import { progress, type ProgressOptions, withProgress } from "./progress.js"
import { fileMemory } from "./verify/file-memory.js"
import { exitCodeOf, printResult, resultJson } from "./verify/result-json.js"

interface Options extends PlaceOptions, ProgressOptions {
  readonly deep?: boolean
  readonly memory?: string
  readonly maxAge?: number
  readonly json?: boolean
}

export function verifyCommand(program: Command, context: Context): void {
  const command = program
    .command("verify")
    .description("check that every snapshot can be restored (no daemon needed)")
    .option("--deep", "read and check every content, not only where it lies")
    .option(
      "--memory <file>",
      "keep what was found whole in this file, and read only what is new the next time",
    )
    .option("--max-age <days>", "read again what was read so many days ago; 30 when not said", days)
    .option("--json", "print JSON")
  withProgress(withPlace(command)).action(async (options: Options) => {
    const result = await run(options, context)
    if (options.json === true) context.out.json(resultJson(result))
    else printResult(result, context.out)
    const code = exitCodeOf(result)
    if (code !== exitCodes.ok) context.exitWith(code)
  })
}

async function run(options: Options, context: Context): Promise<VerifyResult> {
  const { at, engine, deep = false, memory, maxAge, progress: mode } = options
  const directory = resolve(at)
  const files = new DirectoryTree(directory)
  const repository = await openRepository({
    files,
    password: readPassword(options, context.environment),
    ...(engine === undefined ? {} : { engine }),
  })
  const unit = deep ? "bytes" : "directories"
  const shown = progress(context, { label: "verify", unit, ...(mode === undefined ? {} : { mode }) })
  try {
    return await verify(repository, files, {
      level: deep ? "read" : "reachable",
      directory,
      ...(memory === undefined ? {} : { memory: fileMemory(memory) }),
      ...(maxAge === undefined ? {} : { maxAgeDays: maxAge }),
      progress: ({ phase, items, totalItems, bytes, totalBytes }) => {
        if (phase === "contents") shown.update(bytes, totalBytes)
        else if (!deep && phase === "trees") shown.update(items, totalItems)
      },
    })
  } finally {
    shown.end()
  }
}

function days(text: string): number {
  if (/^\d{1,5}$/.test(text)) return Number(text)
  throw new InvalidArgumentError("a number of days is wanted.")
}
