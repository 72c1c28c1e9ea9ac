import type { Command } from "commander"
import { filesystemSnapshotPaths, lookRunJson } from "../../http/contract/filesystem-snapshots.js"
import type { Context } from "../context.js"
import { followRun } from "../directories/follow-run.js"
import { printable } from "../printable.js"
import { snapshotColumns } from "../snapshots.js"
import { snapshotPathArgument } from "./snapshot-argument.js"

interface LookOptions {
  readonly of?: string
  readonly json?: boolean
}

export function lookCommand(snapshots: Command, context: Context): void {
  snapshots
    .command("look")
    .argument("<place>", "store@name:path, with the repository's path below the store")
    .description("list the snapshots of a repository as it was")
    .option("--of <tree>", "where several have that name")
    .option("--json", "print JSON")
    .action(async (place: string, { of, json }: LookOptions) => {
      const body = snapshotPathArgument(place, of === undefined ? {} : { of })
      const answer = await followRun(
        { path: filesystemSnapshotPaths.look, body, schema: lookRunJson },
        "looked at",
        context,
      )
      const { out } = context
      if (json === true) {
        out.json(answer)
        return
      }
      const { engine, id, formatVersion } = answer.repository
      const format = formatVersion === null ? "" : `, format ${formatVersion}`
      out.text(
        `${engine} repository ${id === "" ? "(id not known)" : id}${format}, at ${printable(answer.at)}`,
      )
      out.table(answer.snapshots, snapshotColumns, "No snapshots.")
    })
}
