import { StorageError } from "../errors.js"
import { formatNetwork, parseAddress } from "../network.js"

const ESTABLISHED = "01"
/** 2049. */
const NFS_PORT = "0801"

/**
 * The addresses of the clients that are connected to this machine's NFS server, sorted: from `/proc/net/tcp` or `/proc/net/tcp6`, which
 * everybody may read (reference nas-platforms.md §1.5). For machines that are little-endian, as all are that Synology sells. Throws
 * StorageError `corrupt` for a line that is none of these tables': read in part, they would show a client as gone.
 */
export function parseNfsConnections(table: string): string[] {
  const [heading = "", ...lines] = table.split("\n")
  const last = lines.pop()
  if (!/^ *sl +local_address /.test(heading) || last !== "") throw corrupt(1 + lines.length)
  const clients = lines.flatMap((line, at) => {
    const [, port, remote = "", state] =
      /^ *\d+: (?:[0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4}) ([0-9A-F]{8}|[0-9A-F]{32}):[0-9A-F]{4} ([0-9A-F]{2}) /.exec(
        line,
      ) ?? []
    if (port === undefined) throw corrupt(at + 2)
    return port === NFS_PORT && state === ESTABLISHED ? [addressOf(remote)] : []
  })
  return [...new Set(clients)].sort()
}

/** Words of 32 bits, each as the machine keeps it: the last byte first. */
function addressOf(hex: string): string {
  const bytes = Buffer.from(hex, "hex").swap32()
  if (bytes.length === 4) return bytes.join(".")
  const groups = Array.from({ length: 8 }, (_, at) => bytes.readUInt16BE(2 * at).toString(16))
  const address = parseAddress(groups.join(":"))
  if (address === undefined) throw new Error("sixteen bytes are an IPv6 address")
  const { family, value } = address
  return formatNetwork({ family, first: value, last: value }).replace(/\/\d+$/, "")
}

function corrupt(line: number): StorageError {
  return new StorageError("corrupt", `the table of TCP connections has a line ${line} that is none`, {
    facts: { line },
    hint: "Try again.",
  })
}
