import { StorageError } from "../../errors.js"
import { oneAddress } from "./address.js"

/** `expirable`: it is being forgotten. `courtesy`: it fell silent, and is remembered until somebody else wants its files. */
export type ClientStatus = "confirmed" | "unconfirmed" | "courtesy" | "expirable"

/** One NFSv4 client: one running kernel or program, whatever it has mounted. Several may share an address. */
export interface ClientInfo {
  readonly address: string
  /** What it calls itself. Anybody may choose any name. */
  readonly name: string | undefined
  readonly status: ClientStatus | undefined
  /** "4.2" */
  readonly version: string
  readonly secondsSinceRenew: number | undefined
  /** "Linux 6.1.0-…", from version 4.1 on. */
  readonly implementation: string | undefined
}

/**
 * Reads `/proc/fs/nfsd/clients/<n>/info` (reference nas-platforms.md §1.5) by its lines; unknown ones are passed over. Throws
 * StorageError `corrupt` where address or version cannot be told.
 */
export function parseClientInfo(text: string, file: string): ClientInfo {
  const fields = new Map(
    text.split("\n").flatMap((line): [string, string][] => {
      const [, key, value] = /^([A-Za-z ]+): (.*)$/.exec(line) ?? []
      return key === undefined || value === undefined ? [] : [[key, value]]
    }),
  )
  const address = /^"(?:\[([^\]"]+)\]|([^:"]+)):\d+"$/.exec(fields.get("address") ?? "")
  const minor = fields.get("minor version")
  if (address === null || minor === undefined || !/^\d+$/.test(minor)) {
    throw new StorageError("corrupt", `${file}: not what the kernel says of an NFS client`, {
      facts: { file },
      hint: "This kernel writes it otherwise than those that are known here: report it with the file's text.",
    })
  }
  return {
    address: oneAddress(address[1] ?? address[2] ?? ""),
    name: unquoted(fields.get("name")),
    status: statusOf(fields.get("status")),
    version: `4.${minor}`,
    secondsSinceRenew: wholeNumber(fields.get("seconds from last renew")),
    implementation: unquoted(fields.get("Implementation name")),
  }
}

export function statusOf(word: string | undefined): ClientStatus | undefined {
  const known: readonly ClientStatus[] = ["confirmed", "unconfirmed", "courtesy", "expirable"]
  return known.find((status) => status === word)
}

/** Kernels before 5.19 tell neither the status by these words nor the last renewal. */
function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined
}

/** The bytes of escapes such as \x22 and \040 in a quoted string. */
function unquoted(text: string | undefined): string | undefined {
  const quoted = /^"(.*)"$/.exec(text ?? "")?.[1]
  return quoted?.replace(/\\x([0-9a-f]{2})|\\([0-3][0-7]{2})/gi, (_, hex?: string, octal?: string) =>
    String.fromCharCode(hex === undefined ? parseInt(octal ?? "", 8) : parseInt(hex, 16)),
  )
}
