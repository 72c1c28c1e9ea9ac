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

/**
 * Whether the looked-up identity may hold another volume's backups. Certainly not when an administrator gave it to this
 * volume. Otherwise it may when a known volume has it too, and also when the mover dropped or cut characters of this
 * volume's own name: then at least one other name comes out the same (`my.app` as `myapp`), whether we have met it or not.
 */
export function sharingOf(volume: VolumeName, names: VolumeIdentities, claimants: Claimants): Sharing {
  if (names.claimed) return { kind: "alone" }
  const key = volumeKey(volume)
  const others = (claimants.get(formatIdentity(names.lookup.identity)) ?? []).filter((other) => other !== key)
  if (names.lookup.cut) return { kind: "shared", why: "cut", with: others }
  if (names.lookup.altered) return { kind: "shared", why: "altered", with: others }
  return others.length === 0 ? { kind: "alone" } : { kind: "shared", why: "claimed", with: others }
}
