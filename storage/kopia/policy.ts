import { JsonFields, type JsonObject } from "../bytes/index.js"

const keeps = ["keepLatest", "keepHourly", "keepDaily", "keepWeekly", "keepMonthly", "keepAnnual"] as const

/** A policy as it is stored: what it leaves open comes from the policies above it (kopia-repository-format §11.2). */
export interface KopiaPolicy {
  readonly id: string
  /** Empty strings where the policy is for every path, every user, every host. */
  readonly target: { readonly user: string; readonly host: string; readonly path: string }
  readonly retention: Readonly<Partial<Record<(typeof keeps)[number], number>>>
  /** A backup that found nothing changed is not saved. */
  readonly ignoreIdenticalSnapshots: boolean | undefined
  /** Nothing above counts, not even what is built in. */
  readonly noParent: boolean
}

/** Reads a policy manifest. */
export function parsePolicy(id: string, labels: JsonObject, data: unknown, what: string): KopiaPolicy {
  const target = new JsonFields(labels, what)
  const fields = new JsonFields(data, what)
  const retention = fields.optionalObject("retention")
  return {
    id,
    target: {
      user: target.optionalString("username") ?? "",
      host: target.optionalString("hostname") ?? "",
      path: target.optionalString("path") ?? "",
    },
    retention: Object.fromEntries(
      keeps.flatMap((name) => {
        const keep = retention?.optionalNumber(name)
        return keep === undefined ? [] : [[name, keep] as const]
      }),
    ),
    ignoreIdenticalSnapshots: retention?.optionalBoolean("ignoreIdenticalSnapshots"),
    noParent: fields.optionalBoolean("noParent") ?? false,
  }
}
