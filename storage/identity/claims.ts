import { StorageError } from "../errors.js"
import { formatIdentity, type KopiaIdentity, parseIdentity } from "./kopia-identity.js"
import { parseVolumeKey, volumeKey } from "./volume-name.js"

/**
 * How a repository's declaration says whose an identity is. `volumes`: from `namespace/pvc` to the identity that its mover
 * looks up, or to an object that also names others which hold its older backups. `dismissed`: identities that are nobody's.
 */
export interface ClaimsSpec {
  readonly volumes?: Readonly<Record<string, VolumeClaimSpec>> | undefined
  readonly dismissed?: readonly string[] | undefined
}
export type VolumeClaimSpec =
  string | { readonly read?: string | undefined; readonly also?: readonly string[] | undefined }

/** What an administrator said for certain of one volume. */
export interface VolumeClaim {
  /** What its mover looks up, whatever the conventions say; undefined: as they say. */
  readonly read: KopiaIdentity | undefined
  readonly also: readonly KopiaIdentity[]
}

export interface Claims {
  /** By `namespace/pvc`. */
  readonly volumes: ReadonlyMap<string, VolumeClaim>
  /** From `user@host:path` to the `namespace/pvc` that it was given to. */
  readonly owners: ReadonlyMap<string, string>
  readonly dismissed: ReadonlySet<string>
}

export const NO_CLAIMS: Claims = { volumes: new Map(), owners: new Map(), dismissed: new Set() }

/** Throws StorageError `invalid` for what is no volume or identity, and for an identity given to two volumes. */
export function parseClaims(spec: ClaimsSpec): Claims {
  const volumes = new Map<string, VolumeClaim>()
  const owners = new Map<string, string>()
  for (const [name, said] of Object.entries(spec.volumes ?? {})) {
    const key = volumeKey(parseVolumeKey(name))
    const { read, also = [] } = typeof said === "string" ? { read: said } : said
    const claim = {
      read: read === undefined ? undefined : parseIdentity(read),
      also: also.map((text) => parseIdentity(text)),
    }
    for (const identity of claim.read === undefined ? claim.also : [claim.read, ...claim.also]) {
      const text = formatIdentity(identity)
      const owner = owners.get(text)
      if (owner !== undefined && owner !== key) {
        throw new StorageError("invalid", `${text} is given to both ${owner} and ${key}`, {
          hint: "An identity may belong to one volume only.",
        })
      }
      owners.set(text, key)
    }
    volumes.set(key, claim)
  }
  const dismissed = new Set((spec.dismissed ?? []).map((text) => formatIdentity(parseIdentity(text))))
  for (const text of dismissed) {
    const owner = owners.get(text)
    if (owner === undefined) continue
    throw new StorageError("invalid", `${text} is dismissed and given to ${owner}`, {
      hint: "Take one of the two out.",
    })
  }
  return { volumes, owners, dismissed }
}
