import { StorageError } from "../../../storage/index.js"

/**
 * Lets runs open the ledger one after the other, so that whoever finds it damaged and is alone can set it aside. For the daemon's thread.
 */
export class LedgerGate {
  #users = 0
  #damaged = false
  #opening: Promise<void> = Promise.resolve()

  /** `use` says by `opened` that it has the ledger open; its end says so, too. */
  async enter<T>(
    use: (how: { readonly alone: boolean; readonly damaged: boolean }, opened: () => void) => Promise<T>,
  ): Promise<T> {
    const before = this.#opening
    let opened: () => void = () => undefined
    this.#opening = new Promise((resolve) => {
      opened = resolve
    })
    await before
    const how = { alone: this.#users === 0, damaged: this.#damaged }
    this.#users++
    try {
      return await use(how, () => {
        if (how.alone) this.#damaged = false
        opened()
      })
    } catch (error) {
      if (error instanceof StorageError && error.facts["ledger"] === "damaged") this.#damaged = true
      throw error
    } finally {
      this.#users--
      opened()
    }
  }
}
