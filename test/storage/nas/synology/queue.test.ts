import { describe, expect, it } from "vitest"
import { Queue } from "../../../../storage/nas/synology/index.js"

/** Work that ends when it is told to. */
function work(): { promise: () => Promise<string>; end: (word: string) => void } {
  let end: (word: string) => void = () => undefined
  const promise = new Promise<string>((resolve) => {
    end = resolve
  })
  return { promise: () => promise, end }
}

describe("a queue", () => {
  it("does one after another, also after one that fails", async () => {
    const queue = new Queue()
    const done: string[] = []
    const first = queue.run(() => Promise.reject(new Error("no")))
    const second = queue.run(() => Promise.resolve(done.push("second")))
    await expect(first).rejects.toThrow("no")
    await second
    expect(done).toEqual(["second"])
  })

  it("does what is aside last, whenever it was asked for", async () => {
    const queue = new Queue()
    const { promise, end } = work()
    const order: string[] = []
    const busy = queue.run(promise)
    const aside = queue.runAside(() => Promise.resolve(order.push("aside")))
    const later = queue.run(() => Promise.resolve(order.push("later")))
    end("over")
    await Promise.all([busy, aside, later])
    expect(order).toEqual(["later", "aside"])
  })

  it("tells what is aside to stop as soon as something else comes, and waits for it", async () => {
    const queue = new Queue()
    const { promise, end } = work()
    let told = false
    const aside = queue.runAside((stop) => {
      stop.addEventListener("abort", () => {
        told = true
      })
      return promise()
    })
    let began = false
    const other = queue.run(() => {
      began = true
      return Promise.resolve()
    })
    expect({ told, began }).toEqual({ told: true, began: false })
    end("stopped")
    await other
    expect(await aside).toBe("stopped")
  })
})
