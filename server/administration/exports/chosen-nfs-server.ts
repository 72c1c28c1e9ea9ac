import type { SystemQuotas } from "../../../storage/disk/index.js"
import type { NfsServer } from "../../../storage/nfs/index.js"
import type { NfsServerEntry } from "../../config/index.js"

export interface MadeNfsServer {
  readonly server: NfsServer
  /** What it knows and sets of limits, where that is its business. */
  readonly quotas?: SystemQuotas | undefined
  /** Whether something of ours may be there from before. Cheap: it asks nobody. */
  readonly mayHold: () => boolean
  /** Whether it would be made otherwise now: its secret was changed, or can be had at last. */
  readonly isStale: () => boolean
  /** Ends its connection, if it has one. */
  readonly close: () => Promise<void>
}

export interface ChosenNfsServerParts {
  /** What is declared now. */
  readonly entry: () => NfsServerEntry | undefined
  /** Undefined where nothing is to be done with any server. Opens no connection yet. */
  readonly make: (entry: NfsServerEntry) => MadeNfsServer | undefined
}

const foundHere: NfsServerEntry = { kind: "auto" }

/** The NFS server that the document names now. */
export class ChosenNfsServer {
  readonly #parts: ChosenNfsServerParts
  #chosen: { readonly entry: string; readonly made: MadeNfsServer | undefined } | undefined
  /** Those that were in use before, oldest first; not closed yet. */
  readonly #former: MadeNfsServer[] = []

  constructor(parts: ChosenNfsServerParts) {
    this.#parts = parts
  }

  /** Undefined: the document leaves the exports to somebody else. The same object as long as declaration and secret are. */
  get current(): NfsServer | undefined {
    const entry = this.#parts.entry() ?? foundHere
    const text = JSON.stringify(entry)
    if (this.#chosen?.entry !== text || this.#chosen.made?.isStale() === true) {
      if (this.#chosen?.made !== undefined) this.#former.push(this.#chosen.made)
      this.#chosen = { entry: text, made: this.#parts.make(entry) }
    }
    return this.#chosen.made?.server
  }

  /** What keeps directories' limits in place of the filesystems; undefined: they do themselves. */
  get quotas(): SystemQuotas | undefined {
    return this.current === undefined ? undefined : this.#chosen?.made?.quotas
  }

  /** Whether it is worth asking although nothing is declared: what is not declared any more has to be withdrawn. */
  get mayHold(): boolean {
    return this.current !== undefined && this.#chosen?.made?.mayHold() === true
  }

  /**
   * One that was in use until another one was declared, each once; it is to be closed. `withdraws`: another kind follows it, so
   * that it must not serve the same directories beside that one.
   */
  takeFormer(): (MadeNfsServer & { readonly withdraws: boolean }) | undefined {
    const { current } = this
    const former = this.#former.shift()
    return former && { ...former, withdraws: current !== undefined && former.server.kind !== current.kind }
  }

  async close(): Promise<void> {
    const all = this.#chosen?.made === undefined ? this.#former : [...this.#former, this.#chosen.made]
    await Promise.all(all.map((made) => made.close()))
  }
}
