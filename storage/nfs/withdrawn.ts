import { canonicalClient, type NfsExport } from "./export.js"

/**
 * What is left of `own` when everything that is not `wanted` any more is taken from its clients, and nothing is given to them:
 * where a change as a whole does not work, what had to be withdrawn is withdrawn all the same.
 */
export function withoutWithdrawn(own: readonly NfsExport[], wanted: readonly NfsExport[]): NfsExport[] {
  const byPath = new Map(wanted.map((one) => [one.path, one]))
  return own.flatMap((one) => {
    const target = byPath.get(one.path)
    const clients = one.clients.flatMap((client) => {
      const network = canonicalClient(client.network)
      const still = target?.clients.find((other) => canonicalClient(other.network) === network)
      if (still === undefined) return []
      return [still.access === "readOnly" ? { ...client, access: still.access } : client]
    })
    return clients.length === 0 ? [] : [{ ...one, clients }]
  })
}
