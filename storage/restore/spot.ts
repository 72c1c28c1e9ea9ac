/** Where an entry lies below the target: a name, and the directory above. Deep trees have paths of megabytes, made only for messages. */
export interface Spot {
  readonly name: Uint8Array
  readonly above: Spot | undefined
}

/** No system takes more, so that nobody could use the rest. */
const LONGEST_SHOWN = 4096

/** The names from the top to this one. */
export function namesOf(spot: Spot): Uint8Array[] {
  const names: Uint8Array[] = []
  for (let at: Spot | undefined = spot; at !== undefined; at = at.above)
    if (at.name.length > 0) names.push(at.name)
  return names.reverse()
}

/** The path below the target, without "/" at its ends, cut after 4096 bytes; "" for the target itself. */
export function pathOf(spot: Spot): Uint8Array {
  let length = 0
  const parts: Uint8Array[] = []
  for (const name of namesOf(spot)) {
    if (length > LONGEST_SHOWN) break
    parts.push(...(parts.length === 0 ? [] : [Buffer.from("/")]), name)
    length += name.length + 1
  }
  return Buffer.concat(parts).subarray(0, LONGEST_SHOWN)
}
