import { StorageError } from "../../errors.js"
import { isLoopback, parseAddress } from "../../network.js"

/** Where a DSM listens, and how it proves that it is the one. */
export interface DsmAddress {
  /** A name or an address, without brackets. */
  readonly host: string
  readonly port: number
  readonly secure: boolean
  /** SHA-256 of its certificate, 64 hex digits in lower case; undefined: a known authority has to have signed it. */
  readonly fingerprint: string | undefined
}

/**
 * Reads `https://nas:5001` and a fingerprint as DSM, browsers or openssl write it. Throws StorageError `invalid`, also for plain
 * http to another machine: the password would go over the wire as it is. What was given is never quoted; it may hold a password.
 */
export function parseDsmAddress(url: string, fingerprint?: string): DsmAddress {
  if (!URL.canParse(url)) throw refused("it is no URL")
  const { protocol, hostname, port, username, password, pathname, search, hash } = new URL(url)
  if (protocol !== "https:" && protocol !== "http:")
    throw refused("it starts with neither https:// nor http://")
  if (username !== "" || password !== "") throw refused("there is a user or a password in it")
  if (pathname !== "/" || search !== "" || hash !== "") throw refused("there is something behind the port")
  const host = hostname.replace(/^\[|\]$/g, "")
  const secure = protocol === "https:"
  if (!secure && !isThisMachine(host))
    throw refused("http to another machine would show the password to the network")
  if (!secure && fingerprint !== undefined) throw refused("a fingerprint means nothing without https")
  return {
    host,
    port: port === "" ? (secure ? 443 : 80) : Number(port),
    secure,
    fingerprint: fingerprint === undefined ? undefined : normalFingerprint(fingerprint),
  }
}

/** The same for every spelling. Throws StorageError `invalid`. */
function normalFingerprint(text: string): string {
  const digits = text
    .trim()
    .replace(/^sha-?256[ :=]*/i, "")
    .replace(/[: ]/g, "")
    .toLowerCase()
  if (/^[0-9a-f]{64}$/.test(digits)) return digits
  throw new StorageError("invalid", "the fingerprint of DSM's certificate is not 64 hex digits", {
    hint: "Give the SHA-256 one, as the browser shows it with the certificate.",
  })
}

function isThisMachine(host: string): boolean {
  const address = parseAddress(host)
  return host === "localhost" || (address !== undefined && isLoopback(address))
}

function refused(why: string): StorageError {
  return new StorageError("invalid", `the address of DSM cannot be used: ${why}`, {
    hint: "Write it as https://nas.example:5001.",
  })
}
