import type { Snapshot, SnapshotSource, SourceSnapshots } from "../repository.js"

let made = 0

class ResticSource implements SourceSnapshots {
  readonly source: SnapshotSource
  readonly members: readonly Snapshot[]
  readonly #number = ++made

  constructor(source: SnapshotSource, members: readonly Snapshot[]) {
    this.source = source
    this.members = members
  }

  /** What did not change keeps its object, so that no two have to be compared by what is in them. */
  get signature(): string {
    return String(this.#number)
  }

  snapshots(): readonly Snapshot[] {
    return this.members
  }
}

interface Change {
  readonly added: Snapshot[]
  readonly gone: Set<Snapshot>
}

/** The snapshots of one repository by source. A new one costs the work of its own source, and there little. */
export class SourceGroups {
  readonly #groups = new Map<string, ResticSource>()
  #sources: readonly SourceSnapshots[] = []

  get sources(): readonly SourceSnapshots[] {
    return this.#sources
  }

  /** `gone` are objects that were added before. */
  update(added: readonly Snapshot[], gone: readonly Snapshot[]): void {
    const changes = new Map<string, Change>()
    for (const snapshot of added) changeOf(changes, snapshot).added.push(snapshot)
    for (const snapshot of gone) changeOf(changes, snapshot).gone.add(snapshot)
    if (changes.size === 0) return
    for (const [key, change] of changes) {
      const members = changed(this.#groups.get(key)?.members ?? [], change)
      const source = members[0]?.source
      if (source === undefined) this.#groups.delete(key)
      else this.#groups.set(key, new ResticSource(source, members))
    }
    this.#sources = [...this.#groups.values()]
  }
}

/** Oldest first; of those that began at once, by id. */
export function byStart(a: Snapshot, b: Snapshot): number {
  if (a.start !== b.start) return a.start < b.start ? -1 : 1
  return a.id < b.id ? -1 : 1
}

function changeOf(changes: Map<string, Change>, { source }: Snapshot): Change {
  const key = keyOf(source)
  const known = changes.get(key)
  if (known !== undefined) return known
  const change = { added: [], gone: new Set<Snapshot>() }
  changes.set(key, change)
  return change
}

function changed(members: readonly Snapshot[], { added, gone }: Change): readonly Snapshot[] {
  const kept = gone.size === 0 ? [...members] : members.filter((snapshot) => !gone.has(snapshot))
  if (added.length > kept.length) return [...kept, ...added].sort(byStart)
  for (const snapshot of added) kept.splice(placeOf(kept, snapshot), 0, snapshot)
  return kept
}

/** Before which of the sorted members it belongs. */
function placeOf(members: readonly Snapshot[], snapshot: Snapshot): number {
  let [low, high] = [0, members.length]
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    const member = members[middle]
    if (member !== undefined && byStart(member, snapshot) < 0) low = middle + 1
    else high = middle
  }
  return low
}

/** Texts as they are, and where one ends and the next begins. */
function keyOf({ user, host, paths }: SnapshotSource): string {
  const parts = [user, host, ...paths]
  return `${parts.map(({ length }) => length).join(" ")} ${parts.join("")}`
}
