import { describe, expect, it } from "vitest"
import { RefusedExports } from "../../../../server/administration/exports/refused-exports.js"
import { StorageError } from "../../../../storage/errors.js"
import type { NfsExport } from "../../../../storage/nfs/index.js"
import type { Clock } from "../../../../server/catalog/index.js"

class StandingClock implements Clock {
  seconds = 0

  now(): ReturnType<Clock["now"]> {
    return { mono: this.seconds * 1000, wall: this.seconds * 1000 }
  }
}

/** A server that takes what is asked for as a whole, or refuses it as a whole. */
class Server {
  readonly applied: (readonly string[])[] = []
  refuses: readonly string[]
  served: readonly NfsExport[] = []
  fails: Error | undefined

  constructor(...refuses: readonly string[]) {
    this.refuses = refuses
  }

  apply(wanted: readonly NfsExport[]): Promise<void> {
    this.applied.push(wanted.map(({ path }) => path))
    if (this.fails !== undefined) return Promise.reject(this.fails)
    const bad = wanted.find(({ path }) => this.refuses.includes(path))
    if (bad !== undefined) return Promise.reject(refusal(bad.path))
    this.served = wanted
    return Promise.resolve()
  }

  get paths(): string[] {
    return this.served.map(({ path }) => path).sort()
  }
}

function refusal(path: string): StorageError {
  return new StorageError("unsupported", `${path} cannot be served`, { hint: "Change it." })
}

function exported(path: string, network = "192.168.10.0/24"): NfsExport {
  const clients = [{ network, access: "readWrite", squash: undefined } as const]
  return { path, mountPoint: undefined, crossMounts: false, fsid: undefined, clients }
}

const letters = (text: string): NfsExport[] => Array.from(text, (letter) => exported(`/srv/${letter}`))

describe("exports of which the server does not take all", () => {
  it.each(["/srv/a", "/srv/d", "/srv/i"])("are exported but for the one that is refused: %s", async (bad) => {
    const server = new Server(bad)
    const refused = await new RefusedExports(new StandingClock()).sift(letters("abcdefghi"), [], server)
    expect(refused.map(({ path }) => path)).toEqual([bad])
    expect(server.paths).toEqual(letters("abcdefghi").flatMap(({ path }) => (path === bad ? [] : [path])))
  })

  it("are found by halves: among 500, with few calls", async () => {
    const all = Array.from({ length: 500 }, (_, at) => exported(`/srv/${at}`))
    const server = new Server("/srv/7", "/srv/433")
    const refused = await new RefusedExports(new StandingClock()).sift(all, [], server)
    expect(refused.map(({ path }) => path).sort()).toEqual(["/srv/433", "/srv/7"])
    expect(server.served).toHaveLength(498)
    expect(server.applied.length).toBeLessThan(50)
  })

  it("are none of those that had to be withdrawn, at no moment, and first of all", async () => {
    const server = new Server("/srv/c")
    const own = letters("ab")
    await new RefusedExports(new StandingClock()).sift(letters("bcd"), own, server)
    expect(server.applied[0]).toEqual(["/srv/b"])
    expect(server.applied.flat()).not.toContain("/srv/a")
    expect(server.paths).toEqual(["/srv/b", "/srv/d"])
  })

  it("keep what was had of the one that is refused, and have each path once", async () => {
    const server = new Server()
    const own = exported("/srv/a", "10.0.0.0/8")
    const both = { ...own, clients: [...own.clients, ...exported("/srv/a").clients] }
    server.apply = (wanted) => {
      expect(new Set(wanted.map(({ path }) => path)).size).toBe(wanted.length)
      if (wanted.includes(both)) return Promise.reject(refusal("/srv/a"))
      server.served = wanted
      return Promise.resolve()
    }
    await new RefusedExports(new StandingClock()).sift([both, ...letters("b")], [own], server)
    expect(server.served).toEqual([own, ...letters("b")])
  })

  it("are no matter of what is no refusal", async () => {
    const server = new Server("/srv/a")
    const clock = new StandingClock()
    const kept = new RefusedExports(clock)
    const apply = server.apply.bind(server)
    let calls = 0
    server.apply = (wanted) => {
      // The server goes in the middle of it.
      if (++calls === 3) server.fails = new StorageError("timeout", "no answer")
      return apply(wanted)
    }
    await expect(kept.sift(letters("abcd"), [], server)).rejects.toThrow("no answer")
    expect(calls).toBe(3)
    for (const one of letters("abcd")) expect(kept.isHeld(one)).toBe(false)
  })
})

describe("an export that was refused", () => {
  const [one] = letters("a") as [NfsExport]
  const otherwise = exported("/srv/a", "10.0.0.0/8")

  function refusing() {
    const clock = new StandingClock()
    const kept = new RefusedExports(clock)
    const server = new Server("/srv/a")
    const refuse = async (asked = one): Promise<void> => {
      await kept.sift([asked], [], server)
    }
    /** For how many seconds it is held, to the second. */
    const held = (asked = one): number => {
      const from = clock.seconds
      while (kept.isHeld(asked) && clock.seconds - from < 10_000) clock.seconds++
      return clock.seconds - from
    }
    return { kept, server, refuse, held }
  }

  it("is tried again after 15 s, then less and less often, though every ten minutes at least", async () => {
    const { refuse, held } = refusing()
    const waits: number[] = []
    for (let time = 0; time < 9; time++) {
      await refuse()
      waits.push(held())
    }
    expect(waits).toEqual([15, 30, 60, 120, 240, 480, 600, 600, 600])
  })

  it("says why, and only of itself as it was asked for", async () => {
    const { kept, refuse } = refusing()
    expect(kept.problemOf(one)).toBeUndefined()
    await refuse()
    const problem = { code: "unsupported", message: "/srv/a cannot be served", hint: "Change it." }
    expect(kept.problemOf(one)).toEqual(problem)
    expect(kept.problemOf(otherwise)).toBeUndefined()
    expect(kept.isHeld(otherwise)).toBe(false)
  })

  it("is as any other once the server takes it", async () => {
    const { kept, server, refuse, held } = refusing()
    await refuse()
    await refuse()
    server.refuses = []
    await kept.sift([one], [], server)
    expect(kept.problemOf(one)).toBeUndefined()
    server.refuses = ["/srv/a"]
    await refuse()
    expect(held()).toBe(15)
    kept.taken([otherwise])
    expect(kept.problemOf(one)).toBeDefined()
    kept.taken([one])
    expect(kept.problemOf(one)).toBeUndefined()
  })

  it("is as new when it is asked for otherwise, and when all is forgotten", async () => {
    const { kept, refuse, held } = refusing()
    await refuse()
    await refuse()
    await refuse(otherwise)
    expect(held(otherwise)).toBe(15)
    kept.forgetAll()
    expect(kept.problemOf(otherwise)).toBeUndefined()
    await refuse(otherwise)
    expect(held(otherwise)).toBe(15)
  })
})
