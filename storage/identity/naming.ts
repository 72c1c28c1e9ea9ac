import type { Claims } from "./claims.js"
import { type AppliedIdentity, applyTemplate, type Convention, sameTemplate } from "./convention.js"
import { formatIdentity, type KopiaIdentity } from "./kopia-identity.js"
import { type VolumeName, volumeKey } from "./volume-name.js"

/** All that a Kopia repository's declaration says about names. The first convention is what the mover looks up. */
export interface Naming {
  readonly cluster: string
  readonly conventions: readonly [Convention, ...Convention[]]
  readonly claims: Claims
}

/** `written`: written there, but read elsewhere; `earlier`: a further convention; `mapped`: by an administrator. */
export type OtherNameKind = "written" | "earlier" | "mapped"

export interface VolumeIdentities {
  /** What the mover looks up when it restores this volume. */
  readonly lookup: AppliedIdentity
  /** An administrator named the looked-up identity, so that no other volume shares it. */
  readonly claimed: boolean
  /** Names under which backups of this volume may lie that the mover would not find. Never the looked-up one. */
  readonly others: readonly { readonly identity: KopiaIdentity; readonly kind: OtherNameKind }[]
}

/** Every identity that a volume may have in the repository. */
export function identitiesOf(volume: VolumeName, naming: Naming): VolumeIdentities {
  const apply = (template: Convention["read"], verbatim: boolean): AppliedIdentity =>
    applyTemplate(template, volume, naming.cluster, verbatim)
  const [first, ...earlier] = naming.conventions
  const key = volumeKey(volume)
  const claim = naming.claims.volumes.get(key)
  const byConvention = apply(first.read, first.verbatim)
  const lookup =
    claim?.read === undefined ? byConvention : { identity: claim.read, altered: false, cut: false }

  const others = new Map<string, { identity: KopiaIdentity; kind: OtherNameKind }>()
  const { owners, dismissed } = naming.claims
  const add = (identity: KopiaIdentity, kind: OtherNameKind): void => {
    const text = formatIdentity(identity)
    // What an administrator gave to another volume, or to none, is not this one's whatever the conventions say.
    if (dismissed.has(text) || (owners.get(text) ?? key) !== key) return
    if (text !== formatIdentity(lookup.identity) && !others.has(text)) others.set(text, { identity, kind })
  }
  for (const identity of claim?.also ?? []) add(identity, "mapped")
  if (!sameTemplate(first.read, first.written)) add(apply(first.written, first.verbatim).identity, "written")
  if (claim?.read !== undefined) add(byConvention.identity, "earlier")
  for (const { written, read, verbatim } of earlier) {
    add(apply(written, verbatim).identity, "earlier")
    add(apply(read, verbatim).identity, "earlier")
  }
  return { lookup, claimed: claim?.read !== undefined, others: [...others.values()] }
}
