/** A column of whole numbers from 0 to 2³² - 1 that grows; 0 where nothing was set. */
export class Column {
  #values: Uint32Array

  constructor(expected = 16) {
    this.#values = new Uint32Array(Math.max(16, expected))
  }

  get(row: number): number {
    return this.#values[row] ?? 0
  }

  set(row: number, value: number): void {
    if (row >= this.#values.length) {
      const longer = new Uint32Array(Math.max(row + 1, this.#values.length * 2))
      longer.set(this.#values)
      this.#values = longer
    }
    this.#values[row] = value
  }
}
