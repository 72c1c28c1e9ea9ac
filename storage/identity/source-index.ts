import { explain, isPodName } from "./explain.js"
import { formatIdentity, type KopiaIdentity } from "./kopia-identity.js"
import { moverUserName } from "./mover.js"
import { identitiesOf, type Naming } from "./naming.js"
import { parseVolumeKey, type VolumeName, volumeKey } from "./volume-name.js"

export interface SimilarIdentity {
  readonly identity: KopiaIdentity
  /** In words, for the administrator who maps or dismisses it. */
  readonly why: string
}

/** What templates in use put around a PVC's or app's name (cluster-side §4.3). */
export const AFFIXES = {
  before: ["volsync-", "volsync-src-", "volsync-dst-", "backup-"],
  after:
    "-backup -backups -bak -dst -src -nfs -nfs-dst -r2 -r2-dst -s3 -b2 -minio -local -remote -volsync -kopia -restic".split(
      " ",
    ),
}

/**
 * The identities that one generation of a Kopia repository holds, and what its naming makes of each. Built once per
 * generation; asking is cheap unless a volume is about to be `fresh`.
 */
export class SourceIndex {
  readonly #naming: Naming
  readonly #unclaimed: readonly KopiaIdentity[]
  readonly #explained = new Map<string, { volume: VolumeName; identity: KopiaIdentity }>()
  /** Whether any identity is such as the conventions or an administrator say; false also where there is none at all. */
  readonly matchesNaming: boolean

  constructor(identities: Iterable<KopiaIdentity>, naming: Naming) {
    this.#naming = naming
    const { owners, dismissed } = naming.claims
    const unclaimed: KopiaIdentity[] = []
    let matches = false
    for (const identity of identities) {
      const text = formatIdentity(identity)
      if (dismissed.has(text)) continue
      const owner = owners.get(text)
      const explanations =
        owner === undefined ? explain(identity, naming) : [{ volume: parseVolumeKey(owner), cut: false }]
      for (const { volume } of explanations) {
        const key = volumeKey(volume)
        if (!this.#explained.has(key)) this.#explained.set(key, { volume, identity })
      }
      if (explanations.length === 0) unclaimed.push(identity)
      // A cut name says little of how it was made: it would fit any convention of its namespace.
      if (explanations.some(({ cut }) => !cut)) matches = true
    }
    this.#unclaimed = unclaimed
    this.matchesNaming = matches
  }

  /** Identities that no convention explains and no administrator mapped or dismissed. */
  get unclaimed(): readonly KopiaIdentity[] {
    return this.#unclaimed
  }

  /** Volumes that the repository seems to hold, by its conventions. A name without dots may have had some. */
  volumes(): VolumeName[] {
    return [...this.#explained.values()].map(({ volume }) => volume)
  }

  /**
   * Identities that may be this volume's although they are not among its names (design 5.2, rule 2). `isKnown`: whether a
   * volume, as `namespace/pvc`, was ever asked for or listed by its cluster.
   */
  similarTo(volume: VolumeName, isKnown: (key: string) => boolean): SimilarIdentity[] {
    const names = identitiesOf(volume, this.#naming)
    const own = [names.lookup.identity, ...names.others.map(({ identity }) => identity)]
    const ownTexts = new Set(own.map(formatIdentity))
    const similar = this.#unclaimed.flatMap((identity) => {
      if (ownTexts.has(formatIdentity(identity))) return []
      const why = this.#likeness(volume, own, identity)
      return why === undefined ? [] : [{ identity, why }]
    })
    return [...similar, ...this.#affixed(volume, ownTexts, isKnown)]
  }

  #likeness(volume: VolumeName, own: readonly KopiaIdentity[], identity: KopiaIdentity): string | undefined {
    const { user, host, path } = identity
    const atHome = own.some((name) => name.host === host) || host === volume.namespace
    if (atHome && own.some((name) => name.user === user)) return "the same name with another path"
    const plain = moverUserName(volume.pvc).text
    if (user === volume.pvc || user === plain) return "its bare name"
    if (contains(user, volume.pvc) || contains(user, plain)) return "its name is contained in it"
    const hostIsMade = isPodName(host) || contains(host, volume.namespace)
    if (hostIsMade && host !== volume.namespace && (contains(host, volume.pvc) || contains(host, plain))) {
      return "its name is contained in the host name"
    }
    if (atHome && own.every((name) => name.path !== path) && !this.#isOthers(identity, own)) {
      return "the same namespace and another path"
    }
    return undefined
  }

  /** Whether the name, with one of our paths, would be another volume's: then it is similar to that one, not to this. */
  #isOthers(identity: KopiaIdentity, own: readonly KopiaIdentity[]): boolean {
    return own.some(({ path }) => explain({ ...identity, path }, this.#naming).length > 0)
  }

  /**
   * A convention that is too plain explains everything: by `{pvc}@{namespace}`, `data-backup@home` is the volume
   * `home/data-backup`. Where nobody ever met that volume, it is more likely this one under its usual name.
   */
  #affixed(
    { namespace, pvc }: VolumeName,
    own: ReadonlySet<string>,
    isKnown: (key: string) => boolean,
  ): SimilarIdentity[] {
    const plain = moverUserName(pvc).text
    const candidates = new Set(
      [pvc, plain].flatMap((name) => [
        ...AFFIXES.before.map((affix) => affix + name),
        ...AFFIXES.after.map((affix) => name + affix),
      ]),
    )
    if (plain !== pvc) candidates.add(plain)
    return [...candidates].flatMap((candidate) => {
      const key = volumeKey({ namespace, pvc: candidate })
      const found = this.#explained.get(key)
      if (found === undefined || isKnown(key) || own.has(formatIdentity(found.identity))) return []
      return [{ identity: found.identity, why: `${key}, which it would belong to, was never met` }]
    })
  }
}

function contains(text: string, name: string): boolean {
  return text.toLowerCase().includes(name.toLowerCase())
}
