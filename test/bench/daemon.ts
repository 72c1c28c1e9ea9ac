import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { freePort, ServedProcess } from "./served-process.js"

/** The document of one cluster with one store; `repositories` as in design.md §4, without cluster, store and role. */
export function documentOf(
  store: string,
  repositories: readonly Readonly<Record<string, unknown>>[],
): object {
  return {
    stores: [{ name: "bench", path: store, allowRoot: true }],
    clusters: [{ name: "home", networks: ["127.0.0.0/8"] }],
    repositories: repositories.map((repository) => ({
      cluster: "home",
      store: "bench",
      decides: "restore",
      ...repository,
    })),
  }
}

/** Starts the built daemon on a state directory that may have been used before; `within` is the command that runs it elsewhere. */
export async function startDaemon(
  state: string,
  document: object,
  environment: Readonly<Record<string, string>> = {},
  within?: readonly string[],
): Promise<ServedProcess> {
  mkdirSync(state, { recursive: true, mode: 0o700 })
  const file = join(state, "bench-document.json")
  writeFileSync(file, JSON.stringify(document))
  const port = await freePort()
  const serve = ["dist/cistern", "serve"] as const
  const [command, ...words] = within ?? []
  return new ServedProcess(
    command === undefined ? serve : [command, ...words, ...serve],
    {
      CISTERN_STATE: state,
      CISTERN_LISTEN: `127.0.0.1:${port}`,
      CISTERN_CONFIG: file,
      LOG_LEVEL: "info",
      ...environment,
    },
    port,
  )
}

/** Whether a body of `/exists` says `restore`, and is certain of it. */
export function saysRestore({ status, body }: { readonly status: number; readonly body: string }): boolean {
  return status === 200 && (JSON.parse(body) as { decision?: string }).decision === "restore"
}
