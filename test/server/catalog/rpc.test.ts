import { MessageChannel } from "node:worker_threads"
import { afterEach, describe, expect, it } from "vitest"
import { type Methods, Rpc } from "../../../server/catalog/rpc.js"
import { StorageError } from "../../../storage/index.js"

interface Ours extends Methods {
  double(value: number): Promise<number>
  fail(how: "typed" | "untyped"): Promise<never>
  wait(_: undefined): Promise<never>
}

const ports: { close(): void }[] = []
afterEach(() => {
  for (const port of ports.splice(0)) port.close()
})

function connected(): Rpc<Ours> {
  const { port1, port2 } = new MessageChannel()
  ports.push(port1, port2)
  const ours: Ours = {
    double: (value) => Promise.resolve(value * 2),
    fail: (how) =>
      Promise.reject(
        how === "typed"
          ? new StorageError("index_lost", "xn0_1 is gone", {
              facts: { file: "xn0_1" },
              hint: "Bring it back.",
            })
          : new TypeError("cannot read properties of undefined"),
      ),
    wait: () => new Promise(() => undefined),
  }
  new Rpc(port2, ours)
  return new Rpc<Ours>(port1, {})
}

describe("calls between threads", () => {
  it("give each caller its own answer", async () => {
    const rpc = connected()
    const values = [1, 2, 3, 4, 5]
    await expect(Promise.all(values.map((value) => rpc.call("double", value)))).resolves.toEqual([
      2, 4, 6, 8, 10,
    ])
  })

  it("carry a typed error whole", async () => {
    const error = await connected()
      .call("fail", "typed")
      .catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(StorageError)
    expect(error).toMatchObject({ code: "index_lost", message: "xn0_1 is gone", hint: "Bring it back." })
    expect((error as StorageError).facts).toEqual({ file: "xn0_1" })
  })

  it("carry a fault of ours as one, with its stack", async () => {
    const error = await connected()
      .call("fail", "untyped")
      .catch((caught: unknown) => caught)
    expect(error).not.toBeInstanceOf(StorageError)
    expect(String(error)).toMatch(/TypeError: cannot read properties of undefined\n.*at /s)
  })

  it("fail when there is no such method", async () => {
    const rpc = connected() as unknown as Rpc<{ nothing(value: number): void }>
    await expect(rpc.call("nothing", 1)).rejects.toThrow("no such method")
  })

  it("that wait fail when the other side is gone, and so do those that come later", async () => {
    const rpc = connected()
    const waiting = rpc.call("wait", undefined)
    rpc.abandon(new Error("the thread ended"))
    await expect(waiting).rejects.toThrow("the thread ended")
    await expect(rpc.call("double", 1)).rejects.toThrow("the thread ended")
  })
})
