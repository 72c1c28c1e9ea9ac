import { StorageError } from "../../errors.js"
import { unescapedPath } from "../etab.js"

/** What went through one export, for all clients that it is open to by the same entries together. */
export interface ExportTraffic {
  readonly path: string
  /** The entries of exports(5) that the clients match, such as "192.168.10.0/24" and "*"; one address where mountd asks for each. */
  readonly clients: readonly string[]
  /** When the kernel began to count: seconds of the monotonic clock. It forgets and begins anew, as when exports change. */
  readonly sinceSeconds: number
  readonly staleHandles: number
  readonly readBytes: number
  readonly writtenBytes: number
}

/**
 * Reads `/proc/fs/nfsd/export_stats` (kernel 5.12 and later; reference nas-platforms.md §1.5). Unknown counters are passed over.
 * Throws StorageError `corrupt` for an entry without one of ours.
 */
export function parseExportStats(text: string, file: string): ExportTraffic[] {
  return text
    .split("\n")
    .filter((line) => !line.startsWith("#"))
    .join("\n")
    .split(/\n(?=\S)/)
    .filter((entry) => entry.trim() !== "")
    .map((entry) => trafficOf(entry.trimStart(), file))
}

function trafficOf(entry: string, file: string): ExportTraffic {
  const [, path, clients, since] = /^(\S+)\t(\S+)\t(\d+)$/m.exec(entry) ?? []
  const count = (name: string) => new RegExp(`^\\t${name}: (\\d+)$`, "m").exec(entry)?.[1]
  const [stale, read, written] = [count("fh_stale"), count("io_read"), count("io_write")]
  if (
    path === undefined ||
    clients === undefined ||
    stale === undefined ||
    read === undefined ||
    written === undefined
  ) {
    const shown = JSON.stringify(entry.slice(0, 80))
    throw new StorageError("corrupt", `${file}: ${shown} counts nothing`, { facts: { file } })
  }
  return {
    path: unescapedPath(path),
    // With many entries nfs-utils asks for each address by itself, and marks that with a dollar sign.
    clients: clients.split(",").map((client) => unescapedPath(client).replace(/^\$/, "")),
    sinceSeconds: Number(since),
    staleHandles: Number(stale),
    readBytes: Number(read),
    writtenBytes: Number(written),
  }
}
