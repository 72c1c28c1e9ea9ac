/** Gives names numbers, in the order in which they come: 0, 1, 2, … */
export class NumberedNames {
  readonly #names: string[] = []
  readonly #numbers = new Map<string, number>()

  get size(): number {
    return this.#names.length
  }

  /** The number of a name, which it has from now on. */
  numberOf(name: string): number {
    let number = this.#numbers.get(name)
    if (number === undefined) {
      number = this.#names.push(name) - 1
      this.#numbers.set(name, number)
    }
    return number
  }

  /** The number that a name has; undefined when it was never given one. */
  known(name: string): number | undefined {
    return this.#numbers.get(name)
  }

  names(): IterableIterator<string> {
    return this.#names.values()
  }

  /** Throws RangeError for a number that was not given. */
  nameOf(number: number): string {
    const name = this.#names[number]
    if (name === undefined) throw new RangeError(`nothing has the number ${number}`)
    return name
  }
}
