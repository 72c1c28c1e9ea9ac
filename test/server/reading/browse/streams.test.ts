import { MessageChannel, type MessagePort } from "node:worker_threads"
import { afterEach, describe, expect, it } from "vitest"
import { Breath } from "../../../../server/reading/browse/breath.js"
import { MOST_PIECE, WINDOW } from "../../../../server/reading/browse/credit.js"
import { StreamReceiver } from "../../../../server/reading/browse/stream-receiver.js"
import { type Answering, StreamSender } from "../../../../server/reading/browse/stream-sender.js"
import { StorageError } from "../../../../storage/index.js"
import { until } from "../../../support/until.js"

// Both ends over a real port, as between two threads.

interface Head {
  readonly size: number
}
type Receiver = StreamReceiver<string, Head, string>

const ports: MessagePort[] = []

afterEach(() => {
  for (const port of ports.splice(0)) port.close()
})

function between(answer: Answering<string, Head, string>): Receiver {
  const { port1, port2 } = new MessageChannel()
  ports.push(port1, port2)
  new StreamSender(port2, answer, new Breath())
  return new StreamReceiver(port1)
}

async function bytesOf(stream: ReturnType<Receiver["open"]>): Promise<number> {
  let bytes = 0
  for (;;) {
    const item = await stream.next()
    if (item.kind === "end") return bytes
    if (item.kind === "piece") bytes += item.bytes.length
  }
}

/** Pieces without end, and how many bytes were made. */
function endless(size: number) {
  const made = { bytes: 0, ended: false }
  const answer: Answering<string, Head, string> = async function* () {
    try {
      yield { size: Infinity }
      for (;;) {
        made.bytes += size
        yield await Promise.resolve(new Uint8Array(size))
      }
    } finally {
      made.ended = true
    }
  }
  return { made, answer }
}

describe("a stream between two threads", () => {
  it("brings the head, every byte and every note in their order, and the end", async () => {
    const receiver = between(async function* (request, { note }) {
      yield await Promise.resolve({ size: 3 * MOST_PIECE + 7 })
      note(`of ${request}`)
      yield new Uint8Array(3 * MOST_PIECE + 7).fill(1)
      note("last")
    })
    const stream = receiver.open("this")
    expect(await stream.head).toEqual({ size: 3 * MOST_PIECE + 7 })
    const seen: (string | number)[] = []
    for (;;) {
      const item = await stream.next()
      if (item.kind === "end") break
      if (item.kind === "note") seen.push(item.note)
      else {
        expect(item.bytes.every((byte) => byte === 1)).toBe(true)
        seen.push(item.bytes.length)
      }
    }
    expect(seen).toEqual(["of this", MOST_PIECE, MOST_PIECE, MOST_PIECE, 7, "last"])
    expect(receiver.size).toBe(0)
  })

  it("hands over copies: what the reader keeps stays whole", async () => {
    const kept = new Uint8Array(100).fill(7)
    const receiver = between(async function* () {
      yield await Promise.resolve({ size: 10 })
      yield kept.subarray(10, 20)
    })
    expect(await bytesOf(receiver.open(""))).toBe(10)
    expect(kept.length).toBe(100)
    expect(kept.every((byte) => byte === 7)).toBe(true)
  })

  it("is not read further than it was taken, by a window", async () => {
    const { made, answer } = endless(100_000)
    const stream = between(answer).open("")
    await stream.head
    await until(
      () => made.bytes,
      (bytes) => bytes >= WINDOW,
      "a full window",
    )
    // Many turns of the loop in which it could go on.
    for (let turns = 0; turns < 200; turns++) await new Promise(setImmediate)
    const most = WINDOW + 2 * MOST_PIECE
    expect(made.bytes).toBeLessThan(most)
    let taken = 0
    while (taken < 5 * WINDOW) {
      const item = await stream.next()
      if (item.kind === "piece") taken += item.bytes.length
      expect(made.bytes - taken).toBeLessThan(most)
    }
  })

  it("ends at the reader when nobody wants the rest, also while it waits for credit, and frees who waits", async () => {
    const { made, answer } = endless(100_000)
    const receiver = between(answer)
    const stream = receiver.open("")
    await stream.head
    await until(
      () => made.bytes,
      (bytes) => bytes >= WINDOW,
      "a full window",
    )
    stream.cancel()
    await until(() => made.ended, Boolean, "the reader's end")
    await expect(stream.next()).rejects.toThrow("nobody wants the rest")
    expect(receiver.size).toBe(0)
    const idle = between(async function* (_request, { signal }) {
      yield await Promise.resolve({ size: 1 })
      await new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => {
          reject(new Error("aborted"))
        })
      })
    }).open("")
    const waiting = idle.next()
    idle.cancel(new StorageError("timeout", "it hangs"))
    await expect(waiting).rejects.toMatchObject({ code: "timeout" })
  })

  it("tells an error as it is after what came before it, and at the head where nothing did", async () => {
    const receiver = between(async function* (request) {
      if (request === "none") throw new StorageError("missing", "not there", { hint: "Look elsewhere." })
      yield await Promise.resolve({ size: 5 })
      yield new Uint8Array(3)
      throw new StorageError("corrupt", "rot", { facts: { file: "data/00" } })
    })
    const none = receiver.open("none")
    await expect(none.head).rejects.toMatchObject({ code: "missing", hint: "Look elsewhere." })
    const some = receiver.open("some")
    await some.head
    expect(await some.next()).toMatchObject({ kind: "piece" })
    await expect(some.next()).rejects.toMatchObject({ code: "corrupt", facts: { file: "data/00" } })
  })

  it("does not wait for another one that nobody takes", async () => {
    const { answer } = endless(100_000)
    const receiver = between((request, context) =>
      request === "slow"
        ? answer(request, context)
        : (async function* () {
            yield await Promise.resolve({ size: 10 * WINDOW })
            for (let times = 0; times < 100; times++) yield new Uint8Array(WINDOW / 10)
          })(),
    )
    const slow = receiver.open("slow")
    await slow.head
    expect(await bytesOf(receiver.open("quick"))).toBe(100 * Math.floor(WINDOW / 10))
    slow.cancel()
  })

  it("fails, and so does every later one, when the other side is gone", async () => {
    const { answer } = endless(1_000)
    const receiver = between(answer)
    const stream = receiver.open("")
    await stream.head
    let ended = 0
    receiver.abandon(new Error("the thread ended"))
    await expect(
      receiver.open("", () => {
        ended++
      }).head,
    ).rejects.toThrow("the thread ended")
    expect(ended).toBe(1)
    await expect(bytesOf(stream)).rejects.toThrow("the thread ended")
    expect(receiver.size).toBe(0)
  })
})
