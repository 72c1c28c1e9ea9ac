import { exportName } from "../config/index.js"
import type {
  CheckJson,
  DoctorJson,
  ExportsJson,
  RepositoriesJson,
  StoresJson,
} from "../http/contract/admin.js"
import { adviceChecks } from "./stores/store-facts.js"

export interface DoctorParts {
  readonly repositories: () => RepositoriesJson
  readonly stores: () => Promise<StoresJson>
  readonly exports: () => Promise<ExportsJson>
  readonly lastWriteError: () => { readonly message: string; readonly hint?: string | undefined } | undefined
  readonly cacheError: () => unknown
  /** What is found in the repositories besides their listings. */
  readonly repositoryChecks: () => Promise<readonly CheckJson[]>
  /** What the machine shows besides. */
  readonly moreChecks: () => Promise<readonly CheckJson[]>
  /** One for each store. */
  readonly ledgerCopies: () => readonly CheckJson[]
  readonly durability: () => { readonly durable: boolean; readonly message?: string }
}

/** What the daemon sees of its stores, repositories and state. The machine itself is checked by the command line. */
export async function examine(parts: DoctorParts): Promise<DoctorJson> {
  const [shown, besides, exported, more] = await Promise.all([
    parts.stores(),
    parts.repositoryChecks(),
    parts.exports(),
    parts.moreChecks(),
  ])
  const stores = shown.stores.map(({ name, state, problem }): CheckJson => ({
    name: `store ${name}`,
    status: state === "ok" ? "ok" : state === "fenced" || problem !== null ? "fail" : "warn",
    detail:
      problem?.message ??
      (state === "ok" ? "it is the filesystem that was accepted" : "it was not looked at yet"),
    hint: problem?.hint ?? null,
  }))
  const repositories = parts
    .repositories()
    .repositories.map(({ name, state, problem, places, snapshots, listedAt }): CheckJson => ({
      name: `repository ${name}`,
      status: state === "ok" ? "ok" : state === "unknown" ? "warn" : "fail",
      detail:
        problem?.message ??
        `${places.listed} of ${places.total} listed, ${snapshots ?? "no"} snapshots, last look ${listedAt ?? "never"}`,
      hint: problem?.hint ?? null,
    }))
  return {
    checks: [
      ...stores,
      ...shown.stores.flatMap(adviceChecks),
      ...repositories,
      ...serverCheck(exported),
      ...exportChecks(exported),
      ...besides,
      ...more,
      ...parts.ledgerCopies(),
      ...stateChecks(parts),
    ],
  }
}

/** Of the state directory. */
export function stateChecks(
  parts: Pick<DoctorParts, "durability" | "lastWriteError" | "cacheError">,
): CheckJson[] {
  return [stateCheck(parts), memoryCheck(parts), cacheCheck(parts)]
}

/** The system lets nobody in with what it was given. */
const REFUSED: ReadonlySet<string> = new Set([
  "unreadable",
  "unsupported",
  "wrong_password",
  "password_missing",
])

/** What serves the exports, and why it cannot be kept as declared. */
function serverCheck({ exports, server, problem }: ExportsJson): CheckJson[] {
  if (exports.length === 0) return []
  const name = "NFS server"
  if (problem !== null) {
    const byHand = REFUSED.has(problem.code) ? "What to do by hand: `cistern exports steps`." : ""
    const hint = `${problem.hint ?? ""} ${byHand}`.trim()
    return [{ name, status: "fail", detail: problem.message, hint: hint === "" ? null : hint }]
  }
  if (server === null) return []
  const detail = `${server.kind}, ${server.running ? "running" : "stopped"}`
  return [{ name, status: server.running ? "ok" : "warn", detail, hint: null }]
}

/** One for each export that is not as declared, and one for all that are. */
function exportChecks({ exports }: ExportsJson): CheckJson[] {
  // That somebody else serves them was declared; nothing is wrong with it.
  const wrong = exports.filter(({ problem }) => problem !== null && problem.code !== "exports_not_kept")
  const good = exports.filter(({ problem }) => problem === null).length
  return [
    ...(good === 0
      ? []
      : [
          {
            name: "exports",
            status: "ok" as const,
            detail: `${good} of ${exports.length} are as declared`,
            hint: null,
          },
        ]),
    // What is kept from before counts as exported, and may be another machine's by now.
    ...hostChecks(exports),
    ...wrong.map(({ store, path, cluster, state, problem }): CheckJson => ({
      name: `export ${exportName({ store, path, cluster })}`,
      status: state === "unknown" || state === "missing" ? "warn" : "fail",
      detail: problem?.message ?? state,
      hint: problem?.hint ?? null,
    })),
  ]
}

function hostChecks(exports: ExportsJson["exports"]): CheckJson[] {
  const stale = exports
    .flatMap(({ hosts }) => hosts)
    .filter(({ addresses, problem }) => problem !== null && addresses.length > 0)
  const named = new Map(stale.map(({ name, problem }) => [name, problem ?? ""]))
  return [...named].map(([name, detail]) => ({
    name: `export host ${name}`,
    status: "warn" as const,
    detail,
    hint: "Look at what this machine's resolver tells: `getent ahosts NAME`.",
  }))
}

function stateCheck({ durability }: Pick<DoctorParts, "durability">): CheckJson {
  const { durable, message } = durability()
  return {
    name: "state directory lasts",
    status: durable ? "ok" : "fail",
    detail: message ?? "pins and ledger outlive the daemon",
    hint: durable ? null : "Put the state directory on a disk, or mount a volume there.",
  }
}

function memoryCheck({ lastWriteError }: Pick<DoctorParts, "lastWriteError">): CheckJson {
  const error = lastWriteError()
  return {
    name: "ledger is written",
    status: error === undefined ? "ok" : "fail",
    detail: error?.message ?? "everything seen is on the disk",
    hint: error === undefined ? null : (error.hint ?? "Make room under the state directory."),
  }
}

function cacheCheck({ cacheError }: Pick<DoctorParts, "cacheError">): CheckJson {
  const error = cacheError()
  return {
    name: "cache is written",
    status: error === undefined ? "ok" : "warn",
    detail:
      error === undefined
        ? "restarts are quick"
        : `answers go on, restarts are slower: ${error instanceof Error ? error.message : "unknown"}`,
    hint: error === undefined ? null : "Make room under the state directory.",
  }
}
