import type { Command } from "commander"
import { adminPaths, type VolumeJson, volumesJson } from "../http/contract/admin.js"
import type { Context } from "./context.js"
import { exitCodes } from "./exit-codes.js"
import { formatAge, formatBytes, formatCount, formatTime } from "./figures.js"
import type { Column } from "./table.js"

interface Options {
  readonly cluster?: string
  readonly namespace?: string
  readonly json?: boolean
}

const columns: readonly Column<VolumeJson>[] = [
  { title: "CLUSTER", of: ({ cluster }) => cluster },
  { title: "VOLUME", of: ({ namespace, pvc }) => `${namespace}/${pvc}` },
  { title: "DECISION", of: ({ decision }) => decision },
  { title: "REASON", of: ({ reason }) => reason },
  { title: "SNAPSHOTS", of: ({ snapshots }) => formatCount(snapshots), align: "right" },
  { title: "NEWEST (UTC)", of: ({ newest }) => formatTime(newest) },
  { title: "SIZE", of: ({ bytes }) => formatBytes(bytes), align: "right" },
  { title: "VERIFIED", of: ({ verified }) => formatAge(verified) },
  { title: "REPOSITORY", of: ({ repository }) => repository ?? "-" },
]

export function volumesCommand(program: Command, context: Context): void {
  program
    .command("volumes")
    .description("list the volumes that are known, with what /exists would answer")
    .option("--cluster <name>", "only of this cluster")
    .option("--namespace <name>", "only of this namespace")
    .option("--json", "print JSON")
    .action(async ({ cluster, namespace, json }: Options) => {
      const answer = await context.daemon().get(adminPaths.volumes, volumesJson, { cluster, namespace })
      if (json === true) context.out.json(answer)
      else context.out.table(answer.volumes, columns, "No volume is known yet.")
      if (answer.uncertain.length === 0) return
      context.out.note(`Not all may be here, because not certain: ${answer.uncertain.join(", ")}`)
      context.exitWith(exitCodes.unclear)
    })
}
