import { compareExports, settingsWith } from "../compare.js"
import { sentenceOf } from "../sentence.js"
import type { GaneshaRecord, NumberedExport, RecordedExport } from "./record.js"
import { activeOf, isServedAs, type ServedExport } from "./served.js"
import { isStillThere } from "./steps.js"

/**
 * What DisplayExport tells. It does not tell the fsid, the permissions of those whom an export does not list (ours list everybody
 * else, as one who may do nothing), nor which directory is behind a path. What there is no word for is the same for every export:
 * clients decide when it writes, as with `sync`; it crosses into what was mounted in a directory when that was opened; and it knows
 * no `mountpoint=`.
 */
export const ganeshaSettings = settingsWith()

/** What of ours the server has not as it should, one sentence each. */
export function differencesOf(
  { entries, former }: GaneshaRecord,
  served: ReadonlyMap<number, ServedExport>,
): string[] {
  return [
    ...entries.flatMap((one) => differencesOfEntry(one, served.get(one.id))),
    ...former.filter((one) => isStillThere(one, served)).map((one) => stillThere(one, served.get(one.id))),
  ]
}

function differencesOfEntry({ export: one }: RecordedExport, told: ServedExport | undefined): string[] {
  if (told === undefined) return [`${one.path} is not exported`]
  if (isServedAs(told, one)) return []
  const sentences = compareExports([one], activeOf(told), ganeshaSettings).map(sentenceOf)
  return sentences.length > 0
    ? sentences
    : [`${one.path} is exported with other protocols or at another place`]
}

function stillThere({ export: { path } }: NumberedExport, told: ServedExport | undefined): string {
  const clients = told === undefined ? [] : activeOf(told).map(({ client }) => client)
  return clients.length === 0
    ? `${path} is still there, though nobody may mount it any more`
    : `${path} is still exported to ${clients.join(", ")}`
}
