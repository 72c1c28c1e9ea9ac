import { createHash } from "node:crypto"
import type { Snapshot, SnapshotSource, SourceSnapshots } from "../repository.js"

class ResticSource implements SourceSnapshots {
  readonly source: SnapshotSource
  readonly members: readonly Snapshot[]
  #signature: string | undefined

  constructor(source: SnapshotSource, members: readonly Snapshot[]) {
    this.source = source
    this.members = members
  }

  /** restic's ids are hashes of everything that is in a snapshot; without the password also of what is not known of it. */
  get signature(): string {
    if (this.#signature === undefined) {
      const hash = createHash("sha256")
      for (const { id, start } of this.members) hash.update(`${id} ${start} `)
      this.#signature = hash.digest("base64")
    }
    return this.#signature
  }

  snapshots(): readonly Snapshot[] {
    return this.members
  }
}

/** Groups listings of one repository by source, and finds again what did not change since the one before. */
export class SourceGroups {
  #of: readonly Snapshot[] = []
  #groups = new Map<string, ResticSource>()

  /** `snapshots` by start, oldest first. */
  group(snapshots: readonly Snapshot[]): readonly SourceSnapshots[] {
    if (!areTheSame(snapshots, this.#of)) {
      const members = new Map<string, Snapshot[]>()
      for (const snapshot of snapshots) {
        const key = keyOf(snapshot.source)
        const others = members.get(key)
        if (others === undefined) members.set(key, [snapshot])
        else others.push(snapshot)
      }
      this.#groups = new Map([...members].map(([key, list]) => [key, this.#groupOf(key, list)]))
      this.#of = snapshots
    }
    return [...this.#groups.values()]
  }

  #groupOf(key: string, members: readonly Snapshot[]): ResticSource {
    const known = this.#groups.get(key)
    if (known !== undefined && areTheSame(known.members, members)) return known
    // A group is never empty: it was made for its first member.
    const source = members[0]?.source ?? { user: "", host: "", paths: [] }
    return new ResticSource(source, members)
  }
}

function areTheSame(some: readonly Snapshot[], others: readonly Snapshot[]): boolean {
  return some === others || (some.length === others.length && some.every((one, at) => one === others[at]))
}

/** Texts as they are, and where one ends and the next begins. */
function keyOf({ user, host, paths }: SnapshotSource): string {
  const parts = [user, host, ...paths]
  return `${parts.map(({ length }) => length).join(" ")} ${parts.join("")}`
}
