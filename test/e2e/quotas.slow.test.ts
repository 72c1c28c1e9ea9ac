import { beforeAll, describe, expect, it } from "vitest"
import type { Finding } from "./nfs-guest/report.js"
import { findingsOf, GUEST_LIMIT_MS } from "./nfs-guest/run.js"
import { FIRST_PROJECT } from "../../server/db/index.js"
import { quotaTree } from "./quota-guest/tree.js"

// Project quotas of XFS and ext4, which the kernels of containers and of many machines lack: in a virtual machine with a
// kernel that has them.

const RUN_LIMIT_S = 560
const MIB = 1024 * 1024

let findings: readonly Finding[] = []

beforeAll(async () => {
  findings = await findingsOf(quotaTree(), RUN_LIMIT_S)
}, GUEST_LIMIT_MS)

function only(scenario: string, kind?: string): Finding {
  const [finding, ...more] = findings.filter(
    (one) =>
      one.scenario === scenario && (kind === undefined || one["kind"] === kind || one["mount"] === kind),
  )
  if (finding === undefined || more.length > 0) throw new Error(`not exactly one finding is "${scenario}"`)
  return finding
}

const text = (part: string): string => expect.stringContaining(part) as string
const known = { usedBytes: expect.any(Number) as number }

describe.each([
  { kind: "xfs", mount: "/mnt/xfs quotas", program: "xfs_quota report", refusal: "No space left on device" },
  { kind: "ext4", mount: "/mnt/ext4", program: "repquota", refusal: "Disk quota exceeded" },
] as const)("a project quota on $kind", ({ kind, mount, program, refusal }) => {
  const path = `${mount}/-rf $(x) 'new\nline"`

  it("is set on a new directory of whatever name, and read without rights or a program", () => {
    const { set, tagged, empty } = only("limited", kind)
    const quota = {
      kind: `${kind}-project`,
      tree: path,
      enforced: true,
      limitBytes: 20 * MIB,
      limitFiles: 200,
      usedFiles: 1,
      source: "statfs",
    }
    expect(set).toMatchObject(quota)
    expect(empty).toMatchObject({ unprivileged: quota })
    expect(tagged).toMatch(/^1000 -[-e]*P-*$/)
  })

  it("tells what is used, to root and to others alike", () => {
    const { part, half } = only("limited", kind) as Finding & { half: { root: { usedBytes: number } } }
    expect(part).toEqual({ bytes: 10 * MIB, refusal: "" })
    expect(half).toMatchObject({ unprivileged: half.root, root: { source: "statfs", usedFiles: 2 } })
    expect(half.root.usedBytes).toBeGreaterThanOrEqual(10 * MIB)
    expect(half.root.usedBytes).toBeLessThan(11 * MIB)
  })

  it("holds the clients' user to it", () => {
    const { nobody } = only("limited", kind) as Finding & { nobody: { bytes: number } }
    expect(nobody).toMatchObject({ refusal })
    expect(nobody.bytes).toBeGreaterThan(9 * MIB)
    expect(nobody.bytes).toBeLessThanOrEqual(10 * MIB)
  })

  it("holds root to it on XFS alone, and what ext4 lets through is told in full", () => {
    const { root, over } = only("limited", kind) as Finding & { over: { usedBytes: number } }
    if (kind === "xfs") {
      expect(root).toMatchObject({ refusal })
      expect(over.usedBytes).toBeLessThanOrEqual(20 * MIB)
      return
    }
    expect(root).toEqual({ bytes: 30 * MIB, refusal: "" })
    expect(over).toMatchObject({ source: "repquota", limitBytes: 20 * MIB, notices: [text("root")] })
    expect(over.usedBytes).toBeGreaterThan(49 * MIB)
  })

  it("limits files by themselves", () => {
    const { made, stderr, quota } = only("files", kind)
    // The directory itself counts.
    expect(made).toBe(99)
    expect(stderr).toContain(refusal)
    expect(quota).toMatchObject({ limitBytes: "none", limitFiles: 100, usedFiles: 100, source: program })
  })

  it("is raised, also above the filesystem's size, and lifted while it stays counted", () => {
    const { raised, written, huge, lifted, free, plan, again, released } = only("changed", kind)
    expect(raised).toMatchObject({ limitBytes: 30 * MIB })
    expect(written).toEqual({ bytes: 15 * MIB, refusal: "" })
    expect(huge).toMatchObject({ limitBytes: 4 * 1024 ** 4, source: program, ...known })
    expect(lifted).toMatchObject({ limitBytes: "none", enforced: false, source: program, ...known })
    expect(free).toEqual({ bytes: 40 * MIB, refusal: "" })
    expect(plan).toMatchObject({ steps: [text("limit project 1200 to")], before: { limitBytes: "none" } })
    expect(again).toMatchObject({ limitBytes: 100 * MIB, source: "statfs" })
    expect(released).toEqual([])
  })

  it("is not set below what is used", () => {
    expect(only("changed", kind)["below"]).toMatchObject({ code: "invalid" })
  })

  it("of a folder in the tree is that of the tree, until the folder has one of its own", () => {
    const { inherited, lifting, own, outer, tags } = only("inside", kind)
    expect((inherited as { notices: string[] }).notices).toContainEqual(text("directory above"))
    expect(inherited).toMatchObject({ limitBytes: 20 * MIB })
    expect(lifting).toMatchObject({ code: "unsupported" })
    expect(own).toMatchObject({ limitBytes: 40 * MIB })
    expect(outer).toMatchObject({ limitBytes: 20 * MIB })
    expect(tags).toEqual([expect.stringMatching(/^1300 /), expect.stringMatching(/^1301 /)])
  })

  it("is not set on what holds files already, unless the filesystem can take them in and that is said", () => {
    const { refused, without, before, taken, tags } = only("occupied", kind) as Finding & { tags: string[] }
    expect(refused).toMatchObject({ code: "unsupported", message: text("not empty") })
    expect(without).toMatchObject({ code: "unsupported", hint: text("range") })
    expect(before).toMatch(/^0 /)
    const [top, inner, outside] = tags.map((tag) => tag.split(" ")[0])
    if (kind === "xfs") {
      expect(taken).toMatchObject({ limitBytes: 20 * MIB, usedBytes: 3 * MIB })
      expect([top, inner]).toEqual(["1400", "1400"])
    } else {
      expect(taken).toMatchObject({ code: "unsupported" })
      expect([top, inner]).toEqual(["0", "0"])
    }
    // A link led there.
    expect(outside).toBe("0")
  })

  it("does not take a number that is somebody else's, but the next one", () => {
    const { set, tag, other, released } = only("in use", kind)
    expect(set).toMatchObject({ limitBytes: 90 * MIB })
    expect(tag).toMatch(/^1501 /)
    expect(other).toMatchObject({ limitBytes: 20 * MIB })
    expect(released).toEqual([`${mount}/second`])
  })

  it("that is declared is set by the daemon, holds the clients' user, and is told", () => {
    const { asked, given, tags, refusal: said, full, raised, after, lifted } = only("daemon", kind)
    if (kind === "xfs") expect(asked).toMatchObject({ status: 0, said: text("20.0 MiB; that was read back") })
    else expect(given).toMatchObject({ result: { applied: true, after: { limitBytes: 20 * MIB } } })
    expect(tags).toEqual([FIRST_PROJECT, FIRST_PROJECT + 1])
    expect(said).toBe(refusal)
    const { quotas } = full as { quotas: object[] }
    expect(quotas).toEqual([
      expect.objectContaining({ path: "restic/media/radarr", kind: `${kind}-project`, enforced: true }),
      expect.objectContaining({
        path: "restic/media/sonarr",
        state: "ok",
        limitBytes: 20 * MIB,
        problem: null,
      }),
    ])
    expect(["critical", "full"]).toContain((quotas[0] as { state: string }).state)
    expect(lifted).toMatchObject({ result: { applied: true, after: { limitBytes: null } } })
    expect(raised).toMatchObject({ result: { applied: true, after: { limitBytes: 40 * MIB } } })
    expect(after).toBe("")
  })

  it("has a number that no other directory gets, also after a restart and when the state was lost", () => {
    const { fresh, next, found, skipped, known } = only("daemon", kind)
    expect(fresh).toMatchObject({ result: { applied: true } })
    expect(next).toEqual([FIRST_PROJECT + 2, FIRST_PROJECT + 1])
    expect(found).toMatchObject({ result: { applied: true } })
    expect(skipped).toBe(FIRST_PROJECT + 3)
    const { quotas } = known as { quotas: { limitBytes: number }[] }
    expect(quotas.map(({ limitBytes }) => limitBytes)).toEqual([20, 20, 40, 20].map((size) => size * MIB))
  })

  it("that did not take is an error, and nothing of it stays", () => {
    const { set, tag, released } = only("lied", kind)
    expect(set).toMatchObject({ code: "io", message: text("the limit of before is back") })
    expect(tag).toMatch(/^0 /)
    expect(released).toEqual([`${mount}/lied`])
  })
})

describe("a mount without project quotas", () => {
  it.each([
    ["/mnt/xfs-plain", "remount"],
    ["/mnt/ext4-plain", "tune2fs"],
  ])("%s limits nothing, and says how they come", (mount, hint) => {
    const { quota, set, tag } = only("off", mount)
    expect(quota).toMatchObject({ kind: "none", limitBytes: "none", usedBytes: { unknown: text("not on") } })
    expect(set).toMatchObject({ code: "unsupported", hint: text(hint) })
    expect(tag).toMatch(/^0 /)
  })

  it("that only counts is told from one that limits", () => {
    const { quota, set, tag } = only("off", "/mnt/xfs-counting")
    expect(quota).toMatchObject({ enforced: false, limitBytes: "none" })
    expect(set).toMatchObject({ code: "unsupported", message: text("only counted") })
    expect(tag).toMatch(/^0 /)
  })
})
