import { formatNetwork, parseAddress, parseNetwork } from "../../network.js"

/**
 * The one spelling of an IP address: `::ffff:10.0.0.1` is 10.0.0.1, a zone is left out. What is no address, such as a host name,
 * stays as it is.
 */
export function oneAddress(text: string): string {
  const bare = text.replace(/%.*$/, "")
  if (parseAddress(bare) === undefined) return text
  const whole = parseNetwork(`${bare}/${bare.includes(":") ? 128 : 32}`)
  return formatNetwork(whole).replace(/\/\d+$/, "")
}

/** The same of `10.0.0.1:790` and `[fd00::1]:790`. */
export function addressWithoutPort(text: string): string {
  const [, six, four] = /^(?:\[([^\]]+)\]|([^:]+)):\d+$/.exec(text) ?? []
  return oneAddress(six ?? four ?? text)
}
