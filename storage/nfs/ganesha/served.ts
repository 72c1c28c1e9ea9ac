import type { ActiveExport } from "../etab.js"
import { networkOf } from "../compare.js"
import { canonicalClient, type NfsExport } from "../export.js"
import { admitsNobody, type GaneshaPermissions, isAsSaid, wordsOf } from "./permissions.js"
import { listOf, unknownReply } from "./reply.js"

/** An export of the running server, as ShowExports lists it. */
export interface ShownExport {
  readonly id: number
  /** The path, or where the server shows that, the place in its pseudo filesystem. */
  readonly path: string
}

/** The same with everything that DisplayExport tells. */
export interface ServedExport {
  readonly id: number
  readonly path: string
  readonly pseudo: string
  /** In order: the first that matches counts. */
  readonly clients: readonly ServedClient[]
}

export interface ServedClient extends GaneshaPermissions {
  /** As etab writes it: a network, "*", "@netgroup" or a pattern. */
  readonly client: string
}

/** Reads the reply of ShowExports: `(tt)a(qs(…)(tt))`. Throws StorageError `corrupt`. */
export function parseShown(values: readonly unknown[]): ShownExport[] {
  return listOf(values[1], "ShowExports").map((row) => {
    const [id, path] = listOf(row, "ShowExports")
    if (typeof id !== "number" || typeof path !== "string") throw unknownReply("ShowExports")
    return { id, path }
  })
}

/** Reads the reply of DisplayExport: `qsssa(siyyiuuuuu)`. Throws StorageError `corrupt`. */
export function parseDisplayed(values: readonly unknown[]): ServedExport {
  const [id, path, pseudo, , clients] = values
  if (typeof id !== "number" || typeof path !== "string" || typeof pseudo !== "string") {
    throw unknownReply("DisplayExport")
  }
  return { id, path, pseudo, clients: listOf(clients, "DisplayExport").map(clientOf) }
}

function clientOf(row: unknown): ServedClient {
  const [name, , , , protocol, uid, gid, , options, set] = listOf(row, "DisplayExport")
  if (
    typeof name !== "string" ||
    typeof protocol !== "number" ||
    typeof uid !== "number" ||
    typeof gid !== "number" ||
    typeof options !== "number" ||
    typeof set !== "number"
  ) {
    throw unknownReply("DisplayExport")
  }
  // Only networks have a protocol. Names have become addresses when they were loaded, so a word without a pattern is a netgroup.
  const client = networkOf(name) ?? (protocol !== 0 || /[*?[]/.test(name) ? name : `@${name}`)
  return { client, uid, gid, options, set }
}

/** Whom an export admits, in the words of exports(5). */
export function activeOf({ path, clients }: ServedExport): ActiveExport[] {
  const everybody = clients.findIndex(({ client }) => client === "*")
  const reached = everybody < 0 ? clients : clients.slice(0, everybody + 1)
  const active = reached
    .filter((one) => !admitsNobody(one))
    .map((one) => ({ path, client: one.client, options: wordsOf(one) }))
  // What an export permits to those whom it does not list is told by no call.
  return everybody < 0 ? [...active, { path, client: "*", options: [] }] : active
}

/** Whether the server has exactly the block that renderGaneshaExport writes, as far as it tells. */
export function isServedAs({ path, pseudo, clients }: ServedExport, one: NfsExport): boolean {
  if (path !== one.path || pseudo !== one.path || clients.length !== one.clients.length + 1) return false
  const wanted = new Map(one.clients.map((client) => [canonicalClient(client.network), client]))
  if (new Set(clients.map(({ client }) => client)).size < clients.length) return false
  return clients.every((told, at) =>
    at === clients.length - 1
      ? told.client === "*" && isAsSaid(told, undefined)
      : wanted.has(told.client) && isAsSaid(told, wanted.get(told.client)),
  )
}
