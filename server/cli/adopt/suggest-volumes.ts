import { stringify } from "yaml"
import { formatIdentity, volumeKey } from "../../../storage/identity/index.js"
import type { UnclearIdentity } from "../../../storage/survey/index.js"
import { countOf, shownTime } from "./describe.js"

/** So many are written into a comment; all of them are in `--json`. */
const MOST = 20

/** What could be written under `volumes:` and `dismissed:` for identities of which it is not clear whose they are. */
export function suggestVolumes(unclear: readonly UnclearIdentity[]): string[] {
  if (unclear.length === 0) return []
  const shown = unclear.slice(0, MOST)
  const more = unclear.length - shown.length
  const volumes: Record<string, string> = {}
  const dismissed: string[] = []
  for (const { identity, volume } of shown) {
    const key = volume === undefined ? undefined : volumeKey(volume)
    if (key !== undefined && !Object.hasOwn(volumes, key)) volumes[key] = formatIdentity(identity)
    else dismissed.push(formatIdentity(identity))
  }
  const suggestion = {
    ...(Object.keys(volumes).length === 0 ? {} : { volumes }),
    ...(dismissed.length === 0 ? {} : { dismissed }),
  }
  return [
    ...shown.map(
      ({ identity, snapshots, newest, why }) =>
        `- ${formatIdentity(identity)}, ${countOf(snapshots, "snapshot")}, newest ${shownTime(newest)}: ${why}.`,
    ),
    ...(more > 0 ? [`- and ${more} more; \`--json\` lists them.`] : []),
    "Nothing is said of them. Where it is true, this can be added (what is dismissed counts as nobody's):",
    ...stringify(suggestion, { lineWidth: 0 })
      .trimEnd()
      .split("\n")
      .map((line) => `  ${line}`),
  ]
}
