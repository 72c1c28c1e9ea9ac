import { explain } from "./explain.js"
import { formatIdentity } from "./kopia-identity.js"
import { identitiesOf, type Naming, type VolumeIdentities } from "./naming.js"
import { type VolumeName, volumeKey } from "./volume-name.js"

export type Sharing =
  | { readonly kind: "alone" }
  | {
      readonly kind: "shared"
      readonly why: "altered" | "cut" | "claimed"
      /** Known volumes that share it, as `namespace/pvc`; empty when none is known. */
      readonly with: readonly string[]
    }

/** From `user@host:path` to the known volumes that may write to it, as `namespace/pvc`. */
export type Claimants = ReadonlyMap<string, readonly string[]>

/**
 * Who may write to which identity, over all volumes that were ever asked for, listed or seen. A volume that an administrator
 * mapped counts for its mapped names alone: its conventions' names are then others'.
 */
export function claimantsOf(known: Iterable<VolumeName>, naming: Naming): Claimants {
  const claimants = new Map<string, string[]>()
  for (const volume of known) {
    const key = volumeKey(volume)
    for (const text of writableNames(identitiesOf(volume, naming))) {
      const there = claimants.get(text)
      if (there === undefined) claimants.set(text, [key])
      else if (!there.includes(key)) there.push(key)
    }
  }
  for (const [text, owner] of naming.claims.owners) {
    const there = claimants.get(text)
    if (there === undefined) claimants.set(text, [owner])
    else if (!there.includes(owner)) there.push(owner)
  }
  return claimants
}

function writableNames({ lookup, claimed, others }: VolumeIdentities): string[] {
  const names = claimed ? others.filter(({ kind }) => kind === "mapped") : others
  return [lookup.identity, ...names.map(({ identity }) => identity)].map(formatIdentity)
}

/** What the repository itself tells of other volumes. */
export interface Seen {
  readonly naming: Naming
  /** Whether it holds snapshots of this `user@host:path`. */
  readonly has: (identity: string) => boolean
}

/**
 * Whether the looked-up identity may hold another volume's backups. Certainly not when an administrator gave it to this
 * volume. Otherwise it may when a volume that is known, or that has backups under its own looked-up name, has it too; and also
 * when the mover dropped characters of this volume's own name, or it fills all that the mover leaves of one: then at least
 * one other name comes out the same (`my.app` as `myapp`), whether we have met it or not. The other way round nobody can tell:
 * every plain name could be another one's without its dots, and a snapshot says nothing of that. So a plain name is its
 * volume's alone until the other one is met.
 */
export function sharingOf(
  volume: VolumeName,
  names: VolumeIdentities,
  claimants: Claimants,
  seen?: Seen,
): Sharing {
  if (names.claimed) return { kind: "alone" }
  const key = volumeKey(volume)
  const text = formatIdentity(names.lookup.identity)
  const known = [...(claimants.get(text) ?? []), ...(seen === undefined ? [] : seenClaimants(names, seen))]
  const others = [...new Set(known)].filter((other) => other !== key)
  if (names.lookup.cut) return { kind: "shared", why: "cut", with: others }
  if (names.lookup.altered) return { kind: "shared", why: "altered", with: others }
  return others.length === 0 ? { kind: "alone" } : { kind: "shared", why: "claimed", with: others }
}

/** Volumes that the conventions would let write to the looked-up identity, and that have backups where they are looked up. */
function seenClaimants({ lookup }: VolumeIdentities, { naming, has }: Seen): string[] {
  const text = formatIdentity(lookup.identity)
  return explain(lookup.identity, naming).flatMap(({ volume }) => {
    const names = identitiesOf(volume, naming)
    const own = formatIdentity(names.lookup.identity)
    return own !== text && has(own) && writableNames(names).includes(text) ? [volumeKey(volume)] : []
  })
}
