import type { NfsServer } from "../../storage/nfs/index.js"
import type { NfsServerEntry } from "../config/index.js"

export interface ChosenNfsServerParts {
  /** What is declared now. */
  readonly entry: () => NfsServerEntry | undefined
  /** Undefined where nothing is to be done with any server. Opens no connection yet. */
  readonly make: (entry: NfsServerEntry) => NfsServer | undefined
}

const foundHere: NfsServerEntry = { kind: "auto" }

/** The NFS server that the document names now. */
export class ChosenNfsServer {
  readonly #parts: ChosenNfsServerParts
  #chosen: { readonly entry: string; readonly server: NfsServer | undefined } | undefined
  #former: NfsServer | undefined

  constructor(parts: ChosenNfsServerParts) {
    this.#parts = parts
  }

  /** Undefined: the document leaves the exports to somebody else. The same object as long as the declaration is the same. */
  get current(): NfsServer | undefined {
    const entry = this.#parts.entry() ?? foundHere
    const text = JSON.stringify(entry)
    if (this.#chosen?.entry !== text) {
      this.#former = this.#chosen?.server
      this.#chosen = { entry: text, server: this.#parts.make(entry) }
    }
    return this.#chosen.server
  }

  /** The one that was in use until another one was declared, once. Undefined where it still serves, or nobody follows it. */
  takeFormer(): NfsServer | undefined {
    const { current } = this
    const former = this.#former
    this.#former = undefined
    return former === undefined || current === undefined || former.kind === current.kind ? undefined : former
  }
}
