import { describe, expect, it } from "vitest"
import { WorkQueue } from "../../../server/catalog/work-queue.js"

/** Work that goes on until the test lets it end. */
class HeldWork {
  readonly started: string[] = []
  readonly #ends = new Map<string, () => void>()

  of(name: string): () => Promise<string> {
    return () => {
      this.started.push(name)
      return new Promise((resolve) => {
        this.#ends.set(name, () => {
          resolve(name)
        })
      })
    }
  }

  end(name: string): void {
    this.#ends.get(name)?.()
  }
}

describe("the queue of one store", () => {
  it("starts no more work at once than it is wide", async () => {
    const queue = new WorkQueue(2)
    const work = new HeldWork()
    const all = ["a", "b", "c"].map((name) => queue.run({ urgent: false }, work.of(name)))
    expect(work.started).toEqual(["a", "b"])
    work.end("a")
    await all[0]
    expect(work.started).toEqual(["a", "b", "c"])
  })

  it("lets urgent work overtake what waits, and keeps the order among equals", async () => {
    const queue = new WorkQueue(1)
    const work = new HeldWork()
    const all = [
      queue.run({ urgent: false }, work.of("first")),
      queue.run({ urgent: false }, work.of("patient 1")),
      queue.run({ urgent: false }, work.of("patient 2")),
      queue.run({ urgent: true }, work.of("urgent 1")),
      queue.run({ urgent: true }, work.of("urgent 2")),
    ]
    for (const [index, name] of ["first", "urgent 1", "urgent 2", "patient 1", "patient 2"].entries()) {
      expect(work.started[index]).toBe(name)
      work.end(name)
      await expect(Promise.race(all.filter((_, at) => at === [0, 3, 4, 1, 2][index]))).resolves.toBe(name)
    }
  })

  it("lets work overtake that becomes urgent while it waits", async () => {
    const queue = new WorkQueue(1)
    const work = new HeldWork()
    const turns = ["first", "second", "third"].map((name) => ({ name, urgent: false }))
    const all = turns.map((turn) => queue.run(turn, work.of(turn.name)))
    for (const turn of turns.slice(2)) turn.urgent = true
    work.end("first")
    await all[0]
    expect(work.started).toEqual(["first", "third"])
  })

  it("gives the slot of failed work to the next", async () => {
    const queue = new WorkQueue(1)
    await expect(queue.run({ urgent: false }, () => Promise.reject(new Error("no disk")))).rejects.toThrow(
      "no disk",
    )
    await expect(queue.run({ urgent: false }, () => Promise.resolve("done"))).resolves.toBe("done")
  })
})
