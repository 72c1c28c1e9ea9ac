import { Command } from "commander"
import { ownPackage } from "../package.js"
import { adoptCommand } from "./adopt.js"
import { anomaliesCommand } from "./anomalies.js"
import { applyCommand } from "./apply.js"
import { completionCommand } from "./completion.js"
import { diffCommand } from "./contents/diff.js"
import { findCommand } from "./contents/find.js"
import { getCommand } from "./contents/get.js"
import { drillCommand } from "./contents/drill.js"
import { restoreCommand } from "./contents/restore.js"
import { lsCommand } from "./contents/ls.js"
import type { Context } from "./context.js"
import { directoriesCommand } from "./directories.js"
import { doctorCommand } from "./doctor.js"
import { existsCommand } from "./exists.js"
import { exitCodeTable } from "./exit-codes.js"
import { exportCommand, schemaCommand } from "./export.js"
import { filesystemSnapshotsCommand } from "./filesystem-snapshots.js"
import { findingsCommand } from "./findings.js"
import { freshOnceCommand } from "./fresh-once.js"
import { repositoriesCommand } from "./repositories.js"
import { impactCommand } from "./impact.js"
import { hardwareCommand } from "./hardware.js"
import { mendCommand } from "./mend.js"
import { quotasCommand } from "./quotas.js"
import { jobsCommand } from "./jobs.js"
import { scrubCommand } from "./scrub.js"
import { cancelCommand, logsCommand, runCommand, runsCommand } from "./runs.js"
import { serveCommand } from "./serve.js"
import { snapshotsCommand } from "./snapshots.js"
import { exportsCommand } from "./exports.js"
import { storesCommand } from "./stores.js"
import { verifyCommand } from "./verify.js"
import { volumesCommand } from "./volumes.js"

const environmentTable = `Environment:
  CISTERN_STATE    directory of the daemon's state, by which the other commands find it
  CISTERN_LISTEN   address that the daemon listens on (127.0.0.1:8080)
  CISTERN_CONFIG   document that is applied at the daemon's start
  CISTERN_KOPIA    the real kopia, else found in PATH
  CISTERN_RESTIC   the real restic, else found in PATH
  LOG_LEVEL        info; with debug, a failed command prints its stack
  NO_COLOR         no colours`

const commands = [
  serveCommand,
  adoptCommand,
  applyCommand,
  exportCommand,
  existsCommand,
  volumesCommand,
  snapshotsCommand,
  lsCommand,
  getCommand,
  anomaliesCommand,
  impactCommand,
  mendCommand,
  diffCommand,
  findCommand,
  scrubCommand,
  restoreCommand,
  drillCommand,
  verifyCommand,
  repositoriesCommand,
  storesCommand,
  exportsCommand,
  directoriesCommand,
  filesystemSnapshotsCommand,
  quotasCommand,
  hardwareCommand,
  findingsCommand,
  jobsCommand,
  runCommand,
  runsCommand,
  logsCommand,
  cancelCommand,
  freshOnceCommand,
  doctorCommand,
  schemaCommand,
  completionCommand,
]

/** The command line. Nothing in it writes to the console or ends the process by itself. */
export function createProgram(context: Context): Command {
  const program = new Command("cistern")
    .description("The NAS side of Kubernetes volume backups.")
    .version(ownPackage()?.version ?? "unknown", "--version", "print the version")
    .helpOption("-h, --help", "print help")
    .showHelpAfterError("(add --help for what is possible)")
    .configureOutput({
      writeOut: (text) => {
        context.out.text(text)
      },
      writeErr: (text) => {
        context.out.note(text)
      },
    })
    .exitOverride()
    .addHelpText("after", `\n${exitCodeTable}\n\n${environmentTable}`)
  for (const add of commands) add(program, context)
  return program
}
