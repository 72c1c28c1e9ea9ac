import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { NfsShare } from "../../../../storage/nas/truenas/index.js"
import type { NfsExport } from "../../../../storage/nfs/index.js"
import { fieldsOf, type ShareContent } from "../../../../storage/nfs/truenas/marker.js"
import { type OwnShare, planSteps, type ShareStep } from "../../../../storage/nfs/truenas/steps.js"
import { exportsOf } from "../../../../storage/nfs/truenas/table.js"
import { withoutWithdrawn } from "../../../../storage/nfs/withdrawn.js"

const OWNER = "00112233aabbccdd"
const names = ({ uid, gid }: { uid: number; gid: number }) => ({
  uid,
  gid,
  user: `u${uid}`,
  group: `g${gid}`,
})

// Twelve networks that have no address in common, on three paths.
const clients = fc.uniqueArray(
  fc.record({
    network: fc.nat(11).map((at) => `10.${at}.0.0/16`),
    access: fc.constantFrom("readOnly" as const, "readWrite" as const),
    squash: fc.constantFrom(undefined, { uid: 1, gid: 1 }, { uid: 2, gid: 2 }),
  }),
  { selector: ({ network }) => network, minLength: 1 },
)
const wantedExports = fc
  .uniqueArray(fc.record({ name: fc.constantFrom("a", "b", "c"), clients }), { selector: ({ name }) => name })
  .map((all) =>
    all
      .map(({ name, clients }): NfsExport => {
        const path = `/mnt/tank/${name}`
        const sorted = [...clients].sort((one, other) => (one.network < other.network ? -1 : 1))
        return { path, mountPoint: path, crossMounts: false, fsid: undefined, clients: sorted }
      })
      .sort((one, other) => (one.path < other.path ? -1 : 1)),
  )

function shareOf(id: number, content: ShareContent): OwnShare {
  const share: NfsShare = { id, locked: false, ...fieldsOf(OWNER, content) }
  return { share, content, touched: false }
}

/** The table after each step, and before the first. Throws where TrueNAS would refuse a step. */
function tables(own: readonly OwnShare[], steps: readonly ShareStep[]): ShareContent[][] {
  const shares = new Map(own.map(({ share, content }) => [share.id, content]))
  const all = [[...shares.values()]]
  let next = Math.max(0, ...shares.keys()) + 1
  for (const step of steps) {
    if (step.kind === "delete") shares.delete(step.id)
    else if (step.kind === "create") shares.set(next++, step.to)
    else if (shares.has(step.id)) shares.set(step.id, step.to)
    else throw new Error("a share that is not there is changed")
    const pairs = [...shares.values()].flatMap(({ path, networks }) =>
      networks.map((network) => `${path} ${network}`),
    )
    if (new Set(pairs).size < pairs.length) throw new Error("two shares have one client")
    if ([...shares.values()].some(({ networks }) => networks.length === 0))
      throw new Error("everybody may mount")
    all.push([...shares.values()])
  }
  return all
}

function ownOf(exports: readonly NfsExport[], most: number): OwnShare[] {
  const made = tables([], planSteps([], exports, names, most)).at(-1) ?? []
  return made.map((content, at) => shareOf(at + 1, content))
}

/** Path, client and access, with "rw" holding "ro" too. */
function rights(exports: readonly NfsExport[]): Set<string> {
  return new Set(
    exports.flatMap(({ path, clients }) =>
      clients.flatMap(({ network, access }) =>
        access === "readWrite"
          ? [`${path} ${network} ro`, `${path} ${network} rw`]
          : [`${path} ${network} ro`],
      ),
    ),
  )
}

const cases = fc.tuple(wantedExports, wantedExports, fc.integer({ min: 1, max: 5 }))

describe("the steps from one set of exports to another", () => {
  it("end at what is wanted, with no more clients in a share than it may have", () => {
    fc.assert(
      fc.property(cases, ([before, wanted, most]) => {
        const own = ownOf(before, most)
        const last = tables(own, planSteps(own, wanted, names, most)).at(-1) ?? []
        expect(exportsOf(last)).toEqual(wanted)
        expect(last.every(({ networks }) => networks.length <= most)).toBe(true)
        expect(planSteps(ownOf(wanted, most), wanted, names, most)).toEqual([])
      }),
    )
  })

  it("take before they give, and never give anybody what is neither there before nor wanted", () => {
    fc.assert(
      fc.property(cases, ([before, wanted, most]) => {
        const own = ownOf(before, most)
        const all = tables(own, planSteps(own, wanted, names, most)).map((table) => rights(exportsOf(table)))
        const [had, wants] = [rights(before), rights(wanted)]
        let gave = false
        for (const [at, now] of all.entries()) {
          for (const right of now) expect(had.has(right) || wants.has(right)).toBe(true)
          const previous = all[at - 1] ?? now
          if ([...now].some((right) => !previous.has(right))) gave = true
          if (gave) for (const right of now) expect(wants.has(right)).toBe(true)
        }
      }),
    )
  })

  it("back from anywhere leave what was there before without what was withdrawn", () => {
    fc.assert(
      fc.property(cases, fc.nat(20), ([before, wanted, most], stop) => {
        const own = ownOf(before, most)
        const halfway = tables(own, planSteps(own, wanted, names, most).slice(0, stop)).at(-1) ?? []
        const there = halfway.map((content, at) => shareOf(at + 1, content))
        const left = withoutWithdrawn(before, wanted)
        const back = tables(there, planSteps(there, left, names, most)).at(-1) ?? []
        expect(exportsOf(back)).toEqual(left)
      }),
    )
  })

  it("write every field of a share that is not as it was left, even where its clients stay", () => {
    const content: ShareContent = {
      path: "/mnt/tank/a",
      networks: ["10.1.0.0/16"],
      access: "readWrite",
      squash: undefined,
    }
    const own = [{ ...shareOf(4, content), touched: true }]
    expect(planSteps(own, exportsOf([content]), names, 42)).toEqual([{ kind: "update", id: 4, to: content }])
  })
})
