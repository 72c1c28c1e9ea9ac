import { isIP } from "node:net"
import { ConfigError } from "./config-error.js"

export interface ListenAddress {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
}

/** Parses "127.0.0.1:8080", "[::1]:8080", "nas.lan:8080" and ":8080" (all addresses). Throws ConfigError. */
export function parseListenAddress(text: string, variable: string): ListenAddress {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text)
  const [, bracketed, plain, digits] = match ?? []
  const port = Number(digits)
  const host = bracketed ?? plain
  const wellFormed = bracketed === undefined ? /^[A-Za-z0-9.-]*$/.test(plain ?? "") : isIP(bracketed) === 6
  if (host === undefined || !wellFormed || port > 65_535) {
    throw new ConfigError(
      `${variable}: not an address to listen on: ${JSON.stringify(text)}`,
      "Write it as address:port, such as 127.0.0.1:8080, [::1]:8080, or :8080 for all addresses.",
    )
  }
  return { host: host === "" ? "::" : host, port }
}
