import type { FoundCopy } from "../../catalog/index.js"
import { ledgerFiles } from "../../catalog/index.js"
import { type Adopted, type Ledger, LedgerError, parseCopy } from "../../ledger/index.js"
import { StorageError } from "../../../storage/index.js"

export interface LedgerAdoptionParts {
  readonly ledger: Pick<Ledger, "adopt">
  /** The copies in a store's own folder, the newest first. */
  readonly find: (store: string) => Promise<readonly FoundCopy[]>
  readonly setAside: (store: string) => Promise<boolean>
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void }
}

/** Lets the state learn what a store's own copy of the ledger remembers: after a rebuild it is all that is left. */
export class LedgerAdoption {
  readonly #parts: LedgerAdoptionParts

  constructor(parts: LedgerAdoptionParts) {
    this.#parts = parts
  }

  /**
   * Adopts the newest copy in the store that can be believed, and says what was found, one sentence each. A copy that cannot
   * be believed holds nothing up. `sentinel` is the store's id. Throws DatabaseError: then the state cannot be written.
   */
  async adopt(store: string, sentinel: string): Promise<string[]> {
    const notices: string[] = []
    for (const copy of await this.#find(store, notices)) {
      const file = `.cistern/${copy.name}`
      const adopted = await this.#adoptOne(copy, sentinel)
      if (typeof adopted !== "string") {
        notices.push(...this.#told(store, file, adopted))
        return notices
      }
      const aside = copy.name === ledgerFiles.copy && (await this.#setAside(store))
      this.#parts.log.warn({ store, file, why: adopted }, "copy of the ledger refused")
      notices.push(
        `Store ${store}: the copy of the ledger in ${file} is not believed: ${adopted}.${aside ? ` It was set aside as .cistern/${ledgerFiles.refused}.` : ""}`,
      )
    }
    return notices
  }

  async #find(store: string, notices: string[]): Promise<readonly FoundCopy[]> {
    try {
      return await this.#parts.find(store)
    } catch (error) {
      // The thread of the store ended. The store itself is judged by its fence.
      const why = error instanceof Error ? error.message : String(error)
      this.#parts.log.warn({ store, why }, "copies of the ledger could not be looked for")
      notices.push(`Store ${store}: copies of the ledger could not be looked for: ${why}.`)
      return []
    }
  }

  /** Why it is not believed, or what was adopted. */
  async #adoptOne(copy: FoundCopy, sentinel: string): Promise<Adopted | string> {
    if ("refused" in copy) return copy.refused
    try {
      return await this.#parts.ledger.adopt(await parseCopy(copy.bytes, sentinel))
    } catch (error) {
      if (error instanceof LedgerError) return error.message
      throw error
    }
  }

  async #setAside(store: string): Promise<boolean> {
    try {
      return await this.#parts.setAside(store)
    } catch (error) {
      if (!(error instanceof StorageError)) throw error
      return false
    }
  }

  #told(store: string, file: string, { writtenAt, pins, snapshots, conflicts }: Adopted): string[] {
    const others = conflicts.map(
      (place) =>
        `Store ${store}: the copy of the ledger has another repository at ${pathOf(place)} than the one that is pinned; the pin stays.`,
    )
    if (pins === 0 && snapshots === 0) return others
    this.#parts.log.info({ store, file, writtenAt, pins, snapshots }, "copy of the ledger adopted")
    return [
      `Store ${store}: the copy of the ledger of ${writtenAt} was adopted (${file}): ${counted(pins, "repository", "repositories")} pinned, ${counted(snapshots, "snapshot", "snapshots")} remembered.`,
      ...others,
    ]
  }
}

function pathOf(place: string): string {
  return place.slice(place.indexOf(":") + 1)
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`
}
