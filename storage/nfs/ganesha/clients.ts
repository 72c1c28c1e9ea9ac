import { oneAddress } from "../clients/address.js"
import type { ToldClients, ToldSession, ToldTraffic } from "../clients/told.js"
import type { GaneshaBus, GaneshaMethod } from "./bus.js"
import { listOf, unknownReply, untold } from "./reply.js"
import type { ShownExport } from "./served.js"

/** Each is asked for by itself, some milliseconds each; of more clients than these, bytes stay unknown. */
const MOST_COUNTED = 200
const ASKED_AT_ONCE = 4

/** Its names of the protocols, our versions, and the method that tells a client's bytes. */
const PROTOCOLS: Readonly<Record<string, { readonly version: string; readonly method: GaneshaMethod }>> = {
  NFSv3: { version: "3", method: "GetNFSv3IO" },
  NFSv40: { version: "4.0", method: "GetNFSv40IO" },
  NFSv41: { version: "4.1", method: "GetNFSv41IO" },
  NFSv42: { version: "4.2", method: "GetNFSv42IO" },
}

/**
 * Who has asked a running NFS-Ganesha for something since its start, by its client manager (reference nas-platforms.md §1.9); it
 * forgets nobody. `exports` say which path each number is. Throws StorageError `unreadable`, `corrupt`, `timeout`, `missing`.
 */
export async function ganeshaClients(bus: GaneshaBus, exports: readonly ShownExport[]): Promise<ToldClients> {
  const answer = await bus.call("ShowClients")
  if (!answer.ok) throw untold("who is connected", answer.said)
  const clients = parseClients(answer.values)
  const waiting = clients.length > MOST_COUNTED ? [] : [...clients]
  const bytes = new Map<string, Bytes>()
  const count = async (): Promise<void> => {
    for (let one = waiting.shift(); one !== undefined; one = waiting.shift())
      bytes.set(one.name, await bytesOf(bus, one))
  }
  await Promise.all(Array.from({ length: ASKED_AT_ONCE }, count))
  return {
    version4: [],
    remembered: [],
    sessions: clients.map((one) => sessionOf(one, bytes.get(one.name))),
    traffic: await trafficOf(bus, exports),
  }
}

interface ShownClient {
  /** As the server calls it, by which it is asked about. */
  readonly name: string
  readonly protocols: readonly string[]
  readonly seenAt: number
}

interface Bytes {
  readonly read: number
  readonly written: number
}

function sessionOf({ name, protocols, seenAt }: ShownClient, bytes: Bytes | undefined): ToldSession {
  return {
    address: oneAddress(name),
    versions: protocols.flatMap((protocol) => PROTOCOLS[protocol]?.version ?? []),
    isConnected: false,
    seenAt,
    folder: undefined,
    readBytes: bytes?.read,
    writtenBytes: bytes?.written,
  }
}

/** Reads the reply of ShowClients: `(tt)a(s(…(sb)…)(tt))`. */
function parseClients(values: readonly unknown[]): ShownClient[] {
  return listOf(values[1], "ShowClients").map((row) => {
    const [name, flags, seen] = listOf(row, "ShowClients")
    if (typeof name !== "string") throw unknownReply("ShowClients")
    const protocols = listOf(flags, "ShowClients").flatMap((flag) => {
      const [protocol, isUsed] = listOf(flag, "ShowClients")
      return typeof protocol === "string" && isUsed === true ? [protocol] : []
    })
    return { name, protocols, seenAt: timeOf(seen, "ShowClients") }
  })
}

/** Over all versions. A client that only looked around has none, and says so by an error. */
async function bytesOf(bus: GaneshaBus, { name, protocols }: ShownClient): Promise<Bytes> {
  let [read, written] = [0, 0]
  for (const protocol of protocols) {
    const method = PROTOCOLS[protocol]?.method
    if (method === undefined) continue
    const answer = await bus.call(method, name)
    // `bs(tt)(tttttt)(tttttt)`: whether it can tell, the word for it, since when, what was read, what was written.
    if (!answer.ok || answer.values[0] !== true) continue
    read += transferredOf(answer.values[3], method)
    written += transferredOf(answer.values[4], method)
  }
  return { read, written }
}

/** `bs(tt)a(qs(tttttt)(tttttt))`; undefined where the server does not count. */
async function trafficOf(
  bus: GaneshaBus,
  exports: readonly ShownExport[],
): Promise<readonly ToldTraffic[] | undefined> {
  const answer = await bus.call("GetNFSIO")
  if (!answer.ok || answer.values[0] !== true) return undefined
  const since = timeOf(answer.values[2], "GetNFSIO")
  const paths = new Map(exports.map(({ id, path }) => [id, path]))
  const all = new Map<string, ToldTraffic>()
  for (const row of listOf(answer.values[3], "GetNFSIO")) {
    const [id, , read, written] = listOf(row, "GetNFSIO")
    const path = typeof id === "number" ? paths.get(id) : undefined
    if (path === undefined) continue
    const before = all.get(path)
    all.set(path, {
      path,
      since,
      readBytes: (before?.readBytes ?? 0) + transferredOf(read, "GetNFSIO"),
      writtenBytes: (before?.writtenBytes ?? 0) + transferredOf(written, "GetNFSIO"),
    })
  }
  return [...all.values()]
}

/** Requested bytes, transferred bytes, calls, errors, and two times. */
function transferredOf(value: unknown, method: string): number {
  const [, transferred] = listOf(value, method)
  if (typeof transferred !== "number") throw unknownReply(method)
  return transferred
}

/** Seconds and nanoseconds of the clock on the wall. */
function timeOf(value: unknown, method: string): number {
  const [seconds] = listOf(value, method)
  if (typeof seconds !== "number") throw unknownReply(method)
  return seconds * 1000
}
