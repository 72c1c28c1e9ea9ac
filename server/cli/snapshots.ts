import { type Command, Option } from "commander"
import type { Engine } from "../../storage/index.js"
import { adminPaths, type SnapshotJson, type SnapshotsJson, snapshotsJson } from "../http/contract/admin.js"
import { usageError } from "./cli-error.js"
import type { Context } from "./context.js"
import { formatAge, formatBytes, formatCount, formatTime } from "./figures.js"
import { type PasswordOptions, readPassword } from "./password-option.js"
import { snapshotsAt } from "./snapshots-at.js"
import type { Column } from "./table.js"

interface Options extends PasswordOptions {
  readonly at?: string
  readonly engine?: Engine
  readonly convention: readonly string[]
  readonly repository?: string
  readonly namespace?: string
  readonly pvc?: string
  readonly json?: boolean
}

export const snapshotColumns: readonly Column<SnapshotJson>[] = [
  { title: "ID", of: ({ id }) => id.slice(0, 12) },
  { title: "VOLUME", of: ({ namespace, pvc }) => (namespace === null ? "-" : `${namespace}/${pvc ?? ""}`) },
  { title: "IDENTITY", of: ({ identity }) => identity },
  { title: "START (UTC)", of: ({ start }) => formatTime(start) },
  { title: "STATE", of: ({ incompleteReason }) => incompleteReason ?? "complete" },
  { title: "SIZE", of: ({ bytes }) => formatBytes(bytes), align: "right" },
  { title: "FILES", of: ({ files }) => formatCount(files), align: "right" },
  { title: "TAGS", of: ({ tags, pins }) => [...tags, ...pins.map((pin) => `pin:${pin}`)].join(",") },
]

/** Of a declared repository only: a bare place has no memory. */
const proofColumn: Column<SnapshotJson> = {
  title: "PROOF",
  of: ({ verified, damage }) =>
    damage == null ? (verified == null ? "-" : `${verified.level} ${formatAge(verified.at)}`) : "DAMAGED",
}

export function snapshotsCommand(program: Command, context: Context): void {
  program
    .command("snapshots")
    .description("list snapshots: of a declared repository, or of any place with --at (no daemon needed)")
    .option("--repository <name>", "the declared repository; may be left out when there is one")
    .option("--namespace <name>", "only of this namespace")
    .option("--pvc <name>", "only of this PersistentVolumeClaim")
    .option("--at <path>", "read the repository in this directory; its engine is recognised")
    .option("--password-file <file>", "with --at: the file that holds the password")
    .option("--password-env <name>", "with --at: the variable that holds the password")
    .addOption(new Option("--engine <engine>", "with --at: refuse any other").choices(["kopia", "restic"]))
    .option("--convention <template...>", "with --at: how volumes are named in it", [])
    .option("--json", "print JSON")
    .action(async (options: Options) => {
      const answer = filtered(await listed(options, context), options)
      if (options.json === true) {
        context.out.json(answer)
        return
      }
      const { engine, id, formatVersion } = answer.repository
      const format = formatVersion === null ? "" : `, format ${formatVersion}`
      context.out.text(`${engine} repository ${id === "" ? "(id not known)" : id}${format}`)
      const columns = options.at === undefined ? [...snapshotColumns, proofColumn] : snapshotColumns
      context.out.table(answer.snapshots, columns, "No snapshots.")
    })
}

async function listed(options: Options, context: Context): Promise<SnapshotsJson> {
  const { at, engine, convention, repository, namespace, pvc, passwordFile, passwordEnv } = options
  if (at === undefined) {
    if (
      engine !== undefined ||
      convention.length > 0 ||
      passwordFile !== undefined ||
      passwordEnv !== undefined
    ) {
      throw usageError("--engine, --convention, --password-file and --password-env belong to --at PATH")
    }
    return context.daemon().get(adminPaths.snapshots, snapshotsJson, { repository, namespace, pvc })
  }
  if (repository !== undefined) throw usageError("--at and --repository exclude each other")
  const password = readPassword(options, context.environment)
  return snapshotsAt({ path: at, password, engine, conventions: convention })
}

/** The daemon has filtered already; a bare place has not. */
function filtered(answer: SnapshotsJson, { namespace, pvc }: Options): SnapshotsJson {
  return {
    ...answer,
    snapshots: answer.snapshots.filter(
      (snapshot) =>
        (namespace === undefined || snapshot.namespace === namespace) &&
        (pvc === undefined || snapshot.pvc === pvc),
    ),
  }
}
