/** The first one soon: a small repository is read in seconds. */
const FIRST_MS = 500
const LEAST_MS = 2_000
/** Of its time a reading gives no more than this part to writing down how far it came. */
const SHARE = 1 / 30

/** Writes down while a long reading goes on how far it came, so that one that is killed is not begun anew. */
export class SteadyMemory {
  readonly #save: () => Promise<void>
  readonly #clock: () => number
  #nextAt: number
  #saving: Promise<void> | undefined
  #failure: { readonly error: unknown } | undefined

  /** `clock`: milliseconds. */
  constructor(save: () => Promise<void>, clock: () => number = () => performance.now()) {
    this.#save = save
    this.#clock = clock
    this.#nextAt = clock() + FIRST_MS
  }

  /** To be called often: begins to write when it is time. Throws what the last writing failed with. */
  tick(): void {
    if (this.#failure !== undefined) throw this.#failure.error
    if (this.#saving !== undefined || this.#clock() < this.#nextAt) return
    const begun = this.#clock()
    this.#saving = this.#save()
      .catch((error: unknown) => {
        this.#failure = { error }
      })
      .finally(() => {
        const now = this.#clock()
        this.#nextAt = now + Math.max(LEAST_MS, (now - begun) / SHARE)
        this.#saving = undefined
      })
  }

  /** Waits for what is being written. */
  async settle(): Promise<void> {
    await this.#saving
  }
}
