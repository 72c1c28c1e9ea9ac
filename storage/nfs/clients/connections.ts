import { StorageError } from "../../errors.js"
import { oneAddress } from "./address.js"

/** `TCP_ESTABLISHED` of the kernel. A client whose cable was cut stays so for minutes. */
const ESTABLISHED = "01"

/**
 * How many established connections each remote address has to one of the local `ports`, from `/proc/net/tcp` and `tcp6` (proc_pid_net(5)),
 * which everybody may read. Throws StorageError `corrupt`.
 */
export function parseConnections(
  text: string,
  ports: ReadonlySet<number>,
  file: string,
): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const line of text.split("\n").slice(1)) {
    if (line.trim() === "") continue
    const [, port, remote, state] =
      /^\s*\d+: [0-9A-F]+:([0-9A-F]{4}) ([0-9A-F]+):[0-9A-F]{4} ([0-9A-F]{2}) /.exec(line) ?? []
    const address = remote === undefined ? undefined : addressOf(remote)
    if (port === undefined || address === undefined) {
      throw new StorageError("corrupt", `${file}: ${JSON.stringify(line.slice(0, 80))} is no connection`, {
        facts: { file },
      })
    }
    if (state !== ESTABLISHED || !ports.has(parseInt(port, 16))) continue
    counts.set(address, (counts.get(address) ?? 0) + 1)
  }
  return counts
}

/** Words of four bytes, each written as a number of a machine that stores the low byte first. */
function addressOf(hex: string): string | undefined {
  if (hex.length !== 8 && hex.length !== 32) return undefined
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) => [...Buffer.from(word, "hex")].reverse())
  if (bytes.length === 4) return bytes.join(".")
  const groups = Buffer.from(bytes).toString("hex").match(/.{4}/g) ?? []
  return oneAddress(groups.join(":"))
}
