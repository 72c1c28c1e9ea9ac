import { isJsonObject } from "../../bytes/index.js"
import type { Alert } from "../../nas/truenas/index.js"

/** Classes of alerts by which TrueNAS says that it exports nothing at all. */
const ALL = ["NFSblockedByExportsDir"]
/** Those by which it says which shares it left out, in `share_list`: `(PATH: NAMES),(PATH: NAMES)`. */
const SOME = "NFSexportMappingInvalidNames"

/**
 * What TrueNAS' alerts say against these paths being exported, one sentence each. Also ones that were dismissed: that silences an alert and
 * mends nothing. About names that cannot be resolved there is nothing: a share of ours has none.
 */
export function complaintsAbout(paths: readonly string[], alerts: readonly Alert[]): string[] {
  if (paths.length === 0) return []
  return alerts.flatMap(({ klass, args }) => {
    if (ALL.includes(klass)) return ["TrueNAS exports nothing: there are files in its /etc/exports.d"]
    if (klass !== SOME) return []
    const list = isJsonObject(args) ? args["share_list"] : undefined
    if (typeof list !== "string") return ["TrueNAS leaves shares out because of names that it does not know"]
    return paths
      .filter((path) => list.includes(`(${path}: `))
      .map((path) => `${path} is left out because of a name that TrueNAS does not know`)
  })
}
