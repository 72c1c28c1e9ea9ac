// What the VolSync fork's Kopia mover makes of names (volsync-kopia-mover §4). Object names are the names of
// ReplicationSource and ReplicationDestination; the PVC's own name plays no part in it.

/** The mover cuts a derived user name at this many bytes; what is left by then is ASCII. */
export const USER_NAME_LENGTH = 50

/** What the mover backs up unless it is told another path. */
export const DATA_PATH = "/data"

const NOTHING_LEFT = "volsync-default"

export interface DerivedName {
  readonly text: string
  /** Characters were dropped or trimmed: another object's name may come out the same. */
  readonly altered: boolean
  /** It was longer than 50: another object's name that begins alike comes out the same. */
  readonly cut: boolean
}

/** The user name that the mover derives from an object's name. */
export function moverUserName(objectName: string): DerivedName {
  const kept = trim(objectName.replace(/[^A-Za-z0-9_-]/g, ""), "-_")
  const text = kept.slice(0, USER_NAME_LENGTH) || NOTHING_LEFT
  return { text, altered: kept !== objectName, cut: kept.length > USER_NAME_LENGTH }
}

/** The host name that the mover derives from the namespace; nothing left of it: from the object's name. Never cut. */
export function moverHostName(namespace: string, objectName: string): DerivedName {
  const kept = trim(namespace.replace(/_/g, "-").replace(/[^A-Za-z0-9.-]/g, ""), "-.")
  const text = kept || moverUserName(objectName).text
  return { text, altered: text !== namespace, cut: false }
}

function trim(text: string, characters: string): string {
  let start = 0
  let end = text.length
  while (start < end && characters.includes(text.charAt(start))) start++
  while (end > start && characters.includes(text.charAt(end - 1))) end--
  return text.slice(start, end)
}
