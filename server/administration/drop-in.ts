import { readFile } from "node:fs/promises"
import { StorageError } from "../../storage/index.js"
import {
  ConfigError,
  type KopiaFilesystemDropIn,
  type RepositoryEntry,
  usualConvention,
} from "../config/index.js"
import type { ApplyJson } from "../http/contract/admin.js"
import type { LentRepository } from "./fleet-keeper.js"

/** The one cluster of drop-in mode: whoever asks. */
export const LENT_CLUSTER = "cluster"

/** What pvc-plumber's variables declare: one Kopia repository, in a directory that is not ours. */
export function lentByDropIn({ repositoryPath, password }: KopiaFilesystemDropIn): LentRepository {
  const entry: RepositoryEntry = {
    name: "repository",
    cluster: LENT_CLUSTER,
    engine: "kopia",
    place: { kind: "store", store: "", path: "" },
    password: { value: password.reveal() },
    conventions: [{ written: usualConvention, read: usualConvention, verbatim: false }],
    namespaces: ["*"],
    namespaceMap: {},
    volumes: {},
    dismissed: [],
    decides: "restore",
    new: false,
    owner: undefined,
    quota: undefined,
  }
  return { entry, directory: repositoryPath }
}

interface StartLog {
  info(fields: object, message: string): void
}

type Apply = (request: { document: string; dryRun: false; remove: false; accept: [] }) => Promise<ApplyJson>

/**
 * Applies the document that CISTERN_CONFIG names. Throws when it cannot be applied as a whole: a daemon that answers by
 * another document than the one it was given answers wrong.
 */
export async function applyAtStart(file: string, apply: Apply, log: StartLog): Promise<void> {
  const { applied, acknowledgements, changes } = await applyFile(file, apply)
  if (!applied) {
    const wanted = acknowledgements.map(({ option, why }) => `${why} (${option})`).join("; ")
    throw new ConfigError(
      `${file} loosens decisions that nobody acknowledged: ${wanted}`,
      "Start without CISTERN_CONFIG and apply it by hand, with these acknowledgements.",
    )
  }
  const changed = changes.filter(({ kind }) => kind !== "unchanged" && kind !== "absent")
  log.info(
    { file, changes: changed.map(({ kind, of, name }) => `${kind} ${of} ${name}`) },
    "document applied at start",
  )
}

async function applyFile(file: string, apply: Apply): Promise<ApplyJson> {
  try {
    return await apply({ document: await readFile(file, "utf8"), dryRun: false, remove: false, accept: [] })
  } catch (cause) {
    if (cause instanceof StorageError) throw cause
    const what = cause instanceof Error ? cause.message : String(cause)
    throw new ConfigError(`CISTERN_CONFIG: ${file} cannot be applied: ${what}`)
  }
}
