import { unescapedPath } from "../etab.js"
import { oneAddress } from "./address.js"

/** A client that once mounted a path by version 3. */
export interface RememberedMount {
  /** An address, or a host's name as mountd looked it up. */
  readonly client: string
  readonly path: string
}

/**
 * Reads `/var/lib/nfs/rmtab` (rpc.mountd(8)): `HOST:PATH:0xCOUNT`. It goes stale: mountd takes a line out only when a client says
 * that it unmounted, and most never do. Lines of any other form say nothing.
 */
export function parseRmtab(text: string): RememberedMount[] {
  return text.split("\n").flatMap((line) => {
    const [, client, path] = /^(.+?):(\/.*):0x[0-9a-f]{8}$/i.exec(line) ?? []
    if (client === undefined || path === undefined) return []
    return [{ client: oneAddress(client.replace(/^\[(.*)\]$/, "$1")), path: unescapedPath(path) }]
  })
}
