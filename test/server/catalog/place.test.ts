import { describe, expect, it } from "vitest"
import {
  type Clock,
  type ListingOrder,
  Place,
  type PlaceSpec,
  type Witnessed,
} from "../../../server/catalog/index.js"
import type { ListReply } from "../../../server/catalog/messages.js"

const spec: PlaceSpec = {
  place: "nas:home",
  directory: "/nas/home",
  engine: "kopia",
  password: "x",
  fences: [],
}

/** A place whose listings begin and end when the test says so, on a clock that goes on by one with each look. */
class Held {
  readonly place: Place
  readonly witnessed: Witnessed[] = []
  /** What each listing that began was asked to rest on. */
  readonly bases: (string | undefined)[] = []
  readonly reasons: string[] = []
  /** True: no listing gets its turn. */
  waiting = false
  readonly orders: ListingOrder[] = []
  witness: (seen: Witnessed) => boolean = () => true
  readonly #ends: ((reply: ListReply | Error) => void)[] = []
  #now = 0

  constructor() {
    this.place = new Place(spec, {
      clock: this.clock,
      witness: (seen) => {
        this.witnessed.push(seen)
        return this.witness(seen)
      },
      list: (place, order) => {
        if (this.waiting) return new Promise(() => this.orders.push(order))
        this.bases.push(place.basis)
        this.reasons.push(order.begin())
        return new Promise((resolve, reject) => {
          this.#ends.push((reply) => {
            if (reply instanceof Error) reject(reply)
            else resolve(reply)
          })
        })
      },
    })
  }

  readonly clock: Clock = { now: () => ({ mono: ++this.#now, wall: this.#now }) }

  get begun(): number {
    return this.#ends.length
  }

  end(index: number, reply: ListReply | Error): void {
    this.#ends[index]?.(reply)
  }

  listed(reading: string, more: Partial<Extract<ListReply, { kind: "listed" }>> = {}): ListReply {
    return {
      kind: "listed",
      begun: this.clock.now(),
      finished: this.clock.now(),
      header: {
        engine: "kopia",
        repositoryId: "id",
        fingerprint: "id",
        formatVersion: 3,
        depth: "contents",
        snapshotCount: 0,
        writers: [],
        notices: [],
        marks: [],
      },
      delta: { changed: [], removed: [] },
      reading,
      full: false,
      watched: true,
      fence: undefined,
      ...more,
    }
  }

  failed(): ListReply {
    const at = this.clock.now()
    const error = { code: "unstable", message: "kept changing", hint: undefined, facts: {} } as const
    return { kind: "failed", begun: at, finished: at, error, empty: false, watched: true }
  }
}

describe("the listings of one place", () => {
  it("are shared by callers that came while one ran, which gets none of them: theirs begins after they asked", async () => {
    const held = new Held()
    const first = held.place.list("due")
    const late = [held.place.list("asked"), held.place.list("asked"), held.place.list("asked")]
    expect(held.begun).toBe(1)
    held.end(0, held.listed("one"))
    await first
    let done = false
    void late[0]?.then(() => (done = true))
    await new Promise(setImmediate)
    expect([held.begun, done]).toEqual([2, false])
    held.end(1, held.listed("two"))
    await Promise.all(late)
    expect(held.begun).toBe(2)
  })

  it("look at everything where one of those who share it has to be sure", async () => {
    const held = new Held()
    const first = held.place.list("changed")
    const shared = [held.place.list("changed"), held.place.list("asked"), held.place.list("due")]
    held.end(0, held.listed("one"))
    await first
    const last = held.place.list("changed")
    held.end(1, held.listed("two"))
    await Promise.all(shared)
    held.end(2, held.listed("three"))
    await last
    expect(held.reasons).toEqual(["changed", "asked", "changed"])
  })

  it("become what a caller wants that comes while one waits for its turn, and are then no other one", () => {
    const held = new Held()
    held.waiting = true
    void held.place.list("changed")
    void held.place.list("due")
    void held.place.list("asked")
    void held.place.list("changed")
    expect(held.orders.map(({ reason, urgent }) => [reason, urgent])).toEqual([["asked", true]])
  })

  it("begin anew for a caller that comes when all have ended", async () => {
    const held = new Held()
    const first = held.place.list("due")
    held.end(0, held.listed("one"))
    await first
    const second = held.place.list("due")
    held.end(1, held.listed("two"))
    await second
    expect(held.place.view.generation?.number).toBe(2)
  })

  it("keep what the last good one showed when one fails, and say since when they fail", async () => {
    const held = new Held()
    const replies = [held.listed("one"), held.failed(), held.failed()]
    for (const [index, reply] of replies.entries()) {
      const listing = held.place.list("due")
      held.end(index, reply)
      await listing
    }
    const { generation, trouble } = held.place.view
    expect(generation?.number).toBe(1)
    expect(trouble).toMatchObject({ kind: "failed", error: { code: "unstable" } })
    expect(trouble?.since.mono).toBeLessThan(trouble?.begun.mono ?? 0)
  })

  it("fail as a whole when the thread that reads is gone, and go on with the next", async () => {
    const held = new Held()
    const first = held.place.list("due")
    held.end(0, new Error("the thread ended"))
    await first
    expect(held.place.view.trouble).toMatchObject({ kind: "failed", error: { code: "io" } })
    const second = held.place.list("due")
    held.end(1, held.listed("one"))
    await second
    expect(held.place.view.trouble).toBeUndefined()
  })

  it("rest on the one before only when that was taken", async () => {
    const held = new Held()
    const witnesses = [
      () => true,
      () => {
        throw new Error("the disk is full")
      },
      () => true,
      // Another repository than the pinned one: nothing of it is written down.
      () => false,
      () => true,
    ]
    for (const [index, witness] of witnesses.entries()) {
      held.witness = witness
      const listing = held.place.list("due")
      held.end(index, held.listed(`reading ${index}`))
      await listing
    }
    expect(held.bases).toEqual([undefined, "reading 0", "reading 0", "reading 2", undefined])
  })

  it("hold from the first one on to the filesystem that was found under it", async () => {
    const held = new Held()
    const fence = { filesystem: undefined } as unknown as Exclude<
      Extract<ListReply, { kind: "listed" }>["fence"],
      undefined
    >
    const first = held.place.list("due")
    held.end(0, held.listed("one", { fence }))
    await first
    expect(held.place.view.spec.fences).toEqual([{ path: "/nas/home", record: fence }])
  })
})
