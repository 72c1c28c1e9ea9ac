import { isLoopback, parseAddress } from "../../network.js"
import { StorageError } from "../../errors.js"

/** Where a TrueNAS is. */
export interface TrueNasAddress {
  /** A name or an address; an IPv6 address without brackets. */
  readonly host: string
  readonly port: number
  /** By TLS. Not only for the same machine: TrueNAS revokes a key that comes without. */
  readonly secure: boolean
}

/**
 * Parses `wss://HOST[:PORT]` (reference nas-platforms.md §2.2, §2.3). Throws StorageError `invalid`, also for `ws://` to any other
 * machine: a right key that is sent so is revoked.
 */
export function parseTrueNasAddress(text: string): TrueNasAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined
  // What is wrong with it may be that it holds a password, so it is never shown.
  if (url?.protocol !== "wss:" && url?.protocol !== "ws:") {
    throw refused("the address of TrueNAS is no WebSocket address", "Write it like wss://nas.example.net.")
  }
  if (url.username !== "" || url.password !== "") {
    throw refused(
      "the address of TrueNAS holds a user or password",
      "Give the user and the key by themselves.",
    )
  }
  if (url.pathname !== "/" || url.search !== "" || url.hash !== "" || url.hostname === "") {
    throw refused(
      "the address of TrueNAS is more than a host and a port",
      "Write it like wss://nas.example.net: the version of the API is asked for.",
    )
  }
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1")
  const secure = url.protocol === "wss:"
  if (!secure && !isThisMachine(host)) {
    throw refused(
      `a key must not go to ${host} without TLS: TrueNAS would revoke it`,
      `Write wss://${url.host}, with the fingerprint of its certificate.`,
    )
  }
  return { host, port: url.port === "" ? (secure ? 443 : 80) : Number(url.port), secure }
}

/** A host and port for a URL or a Host header. */
export function authorityOf({ host, port }: TrueNasAddress): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`
}

function isThisMachine(host: string): boolean {
  const address = parseAddress(host)
  return address === undefined ? host === "localhost" : isLoopback(address)
}

function refused(message: string, hint: string): StorageError {
  return new StorageError("invalid", message, { hint })
}
