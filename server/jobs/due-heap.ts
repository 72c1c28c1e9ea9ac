/** Things by the time at which each is due, the earliest on top. */
export class DueHeap<Item extends { readonly due: number }> {
  #items: Item[] = []

  get size(): number {
    return this.#items.length
  }

  get first(): Item | undefined {
    return this.#items[0]
  }

  replace(items: readonly Item[]): void {
    // A sorted list is a heap.
    this.#items = [...items].sort((one, other) => one.due - other.due)
  }

  push(item: Item): void {
    const items = this.#items
    let at = items.push(item) - 1
    while (at > 0) {
      const above = (at - 1) >> 1
      if (dueOf(items[above]) <= item.due) break
      this.#swap(at, above)
      at = above
    }
  }

  pop(): Item | undefined {
    const items = this.#items
    const [top] = items
    const last = items.pop()
    if (last === undefined || top === undefined || items.length === 0) return top
    items[0] = last
    for (let at = 0; ;) {
      const [left, right] = [2 * at + 1, 2 * at + 2]
      const child = dueOf(items[right]) < dueOf(items[left]) ? right : left
      if (dueOf(items[child]) >= last.due) return top
      this.#swap(at, child)
      at = child
    }
  }

  #swap(one: number, other: number): void {
    const items = this.#items
    const [first, second] = [items[one], items[other]]
    if (first === undefined || second === undefined) return
    items[one] = second
    items[other] = first
  }
}

function dueOf(item: { readonly due: number } | undefined): number {
  return item?.due ?? Infinity
}
