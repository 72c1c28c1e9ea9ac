import type { Command } from "commander"
import { findEntry } from "../../../storage/index.js"
import { usageError } from "../cli-error.js"
import type { Context } from "../context.js"
import { openSnapshot, type PlaceOptions, withPlace } from "./place.js"

export function getCommand(program: Command, context: Context): void {
  const command = program
    .command("get")
    .argument("<file>", "SNAPSHOT:/path of a file; the snapshot by its id, the beginning of it or `latest`")
    .description("write the bytes of a file in a snapshot to standard output (no daemon needed)")
  withPlace(command).action(async (words: string, options: PlaceOptions) => {
    const { contents, snapshot, path } = await openSnapshot(words, options, context)
    const entry = await findEntry(contents, snapshot, path)
    if (entry.kind !== "file") {
      throw usageError(`/${path} is no file but: ${entry.kind}`, "`cistern ls` shows what is in a directory.")
    }
    // What was written before a damage shows cannot be taken back: the exit code tells.
    for await (const piece of contents.read(entry)) await context.out.bytes(piece)
  })
}
