import type { PlaceSpec, Pulse } from "../../catalog/index.js"
import { identityText } from "../../catalog/summary.js"
import {
  type OpenedContents,
  type Repository,
  type Snapshot,
  type SnapshotContents,
  StorageError,
} from "../../../storage/index.js"
import { FencedPlace } from "../fenced-place.js"
import { Breath } from "./breath.js"
import { RenewingContents } from "./renewing-contents.js"

/** For so long a listing is believed; another one reads only what is new. */
const LISTING_MS = 1_000

export interface OpenedPlace {
  readonly repository: Repository
  /** By start, oldest first. */
  readonly snapshots: readonly Snapshot[]
  readonly contents: SnapshotContents
}

interface Listed {
  readonly at: number
  readonly marks: string
  readonly snapshots: readonly Snapshot[]
}

/** A repository's directory that is browsed: its indexes stay in memory between requests. The filesystem is held only while one is answered. */
export class OpenPlace {
  readonly breath = new Breath()
  readonly #spec: PlaceSpec
  readonly #pulse: Pick<Pulse, "during">
  #repository: Repository | undefined
  #listed: Listed | undefined
  #contents: { readonly opened: OpenedContents; readonly marks: string } | undefined
  #turn: Promise<unknown> = Promise.resolve()

  constructor(spec: PlaceSpec, pulse: Pick<Pulse, "during">) {
    this.#spec = spec
    this.#pulse = pulse
  }

  /** The place with its fences taken, which hold now. To be closed. Throws StorageError. */
  fenced(): FencedPlace {
    return unclear(() => this.#pulse.during(() => new FencedPlace(this.#spec, this.#pulse.during)))
  }

  /** Throws StorageError when it is not what it was when it was fenced. */
  assertSame(fenced: FencedPlace): void {
    unclear(() => {
      this.#pulse.during(() => {
        fenced.assertSame()
      })
    })
  }

  /** The repository, its snapshots and what is in them, as they are now. Throws StorageError. */
  open(fenced: FencedPlace, only: readonly string[] | undefined, signal: AbortSignal): Promise<OpenedPlace> {
    return this.#inTurn(async () => {
      const repository = (this.#repository ??= await fenced.open())
      const listed = await this.#list(repository)
      // Where no metadata changed, the indexes say what they said.
      if (this.#contents?.marks !== listed.marks) await this.#read(repository, listed.marks)
      const contents = new RenewingContents({
        current: () => this.#current(),
        renew: (stale) => this.#renew(repository, stale),
        breath: this.breath,
        signal,
      })
      const wanted = new Set(only)
      const isWanted = (one: Snapshot): boolean => wanted.has(identityText(repository.engine, one.source))
      const { snapshots } = listed
      return { repository, contents, snapshots: only === undefined ? snapshots : snapshots.filter(isWanted) }
    })
  }

  /** The repository alone: nothing of it is read but what tells its engine. */
  async repository(fenced: FencedPlace): Promise<Repository> {
    return this.#inTurn(async () => (this.#repository ??= await fenced.open()))
  }

  /** What is in the repository by its indexes of now, which stay as they are. */
  async breathing(repository: Repository, signal: AbortSignal): Promise<SnapshotContents> {
    const opened = await repository.openContents({ signal })
    return new RenewingContents({
      current: () => opened,
      renew: () => Promise.reject(new StorageError("missing", "these indexes are not read anew")),
      breath: this.breath,
      signal,
    })
  }

  async #list(repository: Repository): Promise<Listed> {
    const known = this.#listed
    const at = performance.now()
    if (known !== undefined && at - known.at < LISTING_MS) return known
    const { snapshots, marks } = await repository.list()
    return (this.#listed = { at, snapshots, marks: marks.join("\n") })
  }

  async #read(repository: Repository, marks: string): Promise<void> {
    this.#contents = { opened: await repository.openContents(), marks }
  }

  #current(): SnapshotContents {
    if (this.#contents === undefined) throw new Error("the indexes were not read")
    return this.#contents.opened
  }

  #renew(repository: Repository, stale: SnapshotContents): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#contents?.opened !== stale) return
      this.#contents = { opened: await repository.openContents(), marks: this.#contents.marks }
    })
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work, work)
    this.#turn = mine.catch(() => undefined)
    return mine
  }
}

/** A fence that does not hold says nothing of what was asked for: not that it is missing. */
function unclear<T>(check: () => T): T {
  try {
    return check()
  } catch (error) {
    if (!(error instanceof StorageError) || error.code !== "missing") throw error
    const { message, facts, hint, cause } = error
    throw new StorageError("io", message, { facts, cause, ...(hint === undefined ? {} : { hint }) })
  }
}
