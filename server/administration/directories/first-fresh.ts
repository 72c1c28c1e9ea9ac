import { StorageError } from "../../../storage/index.js"
import { commonFolder, type VolumeName, volumeKey } from "../../../storage/identity/index.js"
import { type FleetRepository, isPerVolume, repositoriesFor, spotOf } from "../../answers/index.js"
import type { Clock } from "../../catalog/index.js"
import type { Decision } from "../../decision/index.js"
import type { CheckJson } from "../../http/contract/admin.js"
import { HttpError } from "../../http/index.js"
import type { FleetKeeper } from "../fleet-keeper.js"
import { expectationOf, newOwner } from "./expected-owner.js"
import type { Runs } from "./runs.js"
import type { StoreAccess } from "./store-access.js"
import { type Target, targetAt } from "./targets.js"

export interface FirstFreshParts {
  readonly keeper: FleetKeeper
  readonly access: StoreAccess
  readonly runs: Runs
  readonly clock: Clock
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void }
}

/** Whoever may ask may ask for any name: of each repository no more directories are made in an hour. */
export const MOST_AN_HOUR = 200
const HOUR_MS = 3_600_000
/** Questions beyond it are not remembered; a mover's cluster asks again. */
const MOST_WAITING = 1_000
const MOST_FAILURES = 100
/** A directory that was made or could not be is not tried again sooner. */
const AGAIN_MS = 60_000
/** How long the store's turn is waited for. */
const BUSY_MS = 2_000

interface Wanted {
  readonly repository: string
  readonly target: Target
  readonly cluster: string
  readonly volume: VolumeName
}

interface Failure {
  readonly target: Target
  readonly message: string
  readonly hint: string | null
}

/**
 * Makes a volume's own directory after it was answered with a first `fresh`, where the document asks for that: the mover that comes next may
 * not be able to. The answer is decided before, and waits for nothing here.
 */
export class FirstFresh {
  readonly #parts: FirstFreshParts
  /** By store, then by directory, in the order in which they were asked for. */
  readonly #wanted = new Map<string, Map<string, Wanted>>()
  readonly #working = new Set<string>()
  /** Monotonic ms, by directory. */
  readonly #tried = new Map<string, number>()
  /** When directories were made, by repository. */
  readonly #made = new Map<string, number[]>()
  readonly #failures = new Map<string, Failure>()
  /** Repositories of which more was asked for than may be made, and how often since. */
  readonly #tooMany = new Map<string, number>()

  constructor(parts: FirstFreshParts) {
    this.#parts = parts
  }

  /** A cluster that is known for certain was told this. Returns at once. */
  note(cluster: string, volume: VolumeName, decision: Decision): void {
    // Where a repository is, is its directory; and an administrator's word says nothing of the place.
    if (decision.decision !== "fresh" || decision.rests !== "first_backup") return
    const { fleet } = this.#parts.keeper
    const { restore } = repositoriesFor(fleet, cluster, volume.namespace)
    const target = restore && ownDirectory(restore, volume)
    if (restore === undefined || target === undefined) return
    const now = this.#parts.clock.now().mono
    const tried = this.#tried.get(target.directory)
    if (tried !== undefined && now - tried < AGAIN_MS) return
    const { name } = target.store
    const wanted = this.#wanted.get(name) ?? new Map<string, Wanted>()
    this.#wanted.set(name, wanted)
    if (wanted.size >= MOST_WAITING || wanted.has(target.directory)) return
    wanted.set(target.directory, { repository: restore.entry.name, target, cluster, volume })
    // The answer is not sent yet.
    setImmediate(() => void this.#work(name))
  }

  /** What of it went wrong, for the doctor. */
  checks(): CheckJson[] {
    const failed = [...this.#failures.values()].map(({ target, message, hint }): CheckJson => ({
      name: `directory ${target.store.name}:${target.path}`,
      status: "warn",
      detail: `could not be made at the volume's first fresh: ${message}`,
      hint: hint ?? `Try it by hand: cistern directories create ${target.store.name}:${target.path}`,
    }))
    const many = [...this.#tooMany].map(([repository, count]): CheckJson => ({
      name: `directories of repository ${repository}`,
      status: "warn",
      detail: `more than ${MOST_AN_HOUR} new ones were asked for within an hour; ${count} questions made none`,
      hint: "Look at who asks for what (`cistern volumes`). Those that are right are made when they are asked for again.",
    }))
    return [...failed, ...many]
  }

  async #work(store: string): Promise<void> {
    if (this.#working.has(store)) return
    this.#working.add(store)
    const wanted = this.#wanted.get(store) ?? new Map<string, Wanted>()
    try {
      for (let next = first(wanted); next !== undefined; next = first(wanted)) {
        if (!(await this.#makeOne(next))) {
          setTimeout(() => void this.#work(store), BUSY_MS).unref()
          return
        }
        wanted.delete(next.target.directory)
      }
    } finally {
      this.#working.delete(store)
    }
  }

  /** False: the store is being changed by somebody else, and this one has to wait. */
  async #makeOne(one: Wanted): Promise<boolean> {
    const { runs, log } = this.#parts
    const { target, repository, cluster, volume } = one
    const { name } = target.store
    if (!this.#hasRoom(repository)) return true
    try {
      const made = await runs.alone(name, () => this.#make(one))
      this.#failures.delete(target.directory)
      this.#note(target)
      if (made === undefined) return true
      this.#made.get(repository)?.push(this.#parts.clock.now().mono)
      const volumeName = volumeKey(volume)
      log.info(
        { store: name, path: target.path, ...made, cluster, volume: volumeName, by: "first fresh" },
        "directory created",
      )
    } catch (error) {
      if (error instanceof HttpError && error.code === "busy") return false
      this.#note(target)
      this.#fail(target, error)
    }
    return true
  }

  /** Undefined: it was there. */
  async #make({ repository, target, volume }: Wanted): Promise<object | undefined> {
    const { keeper, access } = this.#parts
    const { fleet } = keeper
    const declared = fleet.repositories.find(({ entry }) => entry.name === repository)
    // Another document may have been applied since.
    if (declared === undefined || ownDirectory(declared, volume)?.directory !== target.directory)
      return undefined
    const { owner } = expectationOf(fleet.document, declared.entry, target.path)
    if (owner === undefined) {
      throw new HttpError(409, "no_owner", `nobody said whose ${target.directory} should be`, {
        hint: `Give repository ${repository} an \`owner\`, or the export around it a \`squash\`, and apply that.`,
      })
    }
    const wanted = newOwner(owner)
    const [...way] = await access.call(target.store.name, "createDirectory", {
      ...access.accessTo(target),
      path: target.path,
      owner: wanted,
      // What is the same for all volumes an administrator makes once; where it is missing, something else may be.
      existing: fixedParts(declared),
    })
    return way.some(({ made }) => made) ? wanted : undefined
  }

  #hasRoom(repository: string): boolean {
    const now = this.#parts.clock.now().mono
    const made = (this.#made.get(repository) ?? []).filter((at) => now - at < HOUR_MS)
    this.#made.set(repository, made)
    if (made.length < MOST_AN_HOUR) {
      this.#tooMany.delete(repository)
      return true
    }
    const before = this.#tooMany.get(repository)
    if (before === undefined)
      this.#parts.log.warn(
        { repository, most: MOST_AN_HOUR },
        "no more directories are made within this hour",
      )
    this.#tooMany.set(repository, (before ?? 0) + 1)
    return false
  }

  #note({ directory }: Target): void {
    const now = this.#parts.clock.now().mono
    for (const [tried, at] of this.#tried) {
      if (now - at < AGAIN_MS) break
      this.#tried.delete(tried)
    }
    // The oldest stand first.
    this.#tried.delete(directory)
    this.#tried.set(directory, now)
  }

  #fail(target: Target, error: unknown): void {
    const message = error instanceof Error ? error.message : String(error)
    const known = error instanceof StorageError || error instanceof HttpError
    const said = this.#failures.get(target.directory)?.message
    this.#failures.delete(target.directory)
    this.#failures.set(target.directory, { target, message, hint: known ? (error.hint ?? null) : null })
    const [oldest] = this.#failures.keys()
    if (this.#failures.size > MOST_FAILURES && oldest !== undefined) this.#failures.delete(oldest)
    if (said === message) return
    const fields = { store: target.store.name, path: target.path, why: message }
    this.#parts.log.warn({ ...fields, err: known ? undefined : error }, "the directory could not be made")
  }
}

/** The directory of a volume's own repository, where it is to be made at the first fresh. One that is mapped was there before. */
function ownDirectory(repository: FleetRepository, volume: VolumeName): Target | undefined {
  const { entry, store } = repository
  if (entry.directories !== "onFirstFresh" || store === undefined || !isPerVolume(repository))
    return undefined
  if (entry.volumes[volumeKey(volume)] !== undefined) return undefined
  const spot = spotOf(repository, volume)
  return spot === undefined ? undefined : targetAt(store, spot.directory.slice(store.path.length + 1))
}

function fixedParts({ template }: FleetRepository): number {
  const common = template === undefined ? "" : commonFolder(template)
  return common === "" ? 0 : common.split("/").length
}

function first(wanted: ReadonlyMap<string, Wanted>): Wanted | undefined {
  const [one] = wanted.values()
  return one
}
