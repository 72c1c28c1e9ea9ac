import { describe, expect, it } from "vitest"
import {
  judgeQuota,
  needsWalk,
  type QuotaFacts,
} from "../../../../server/administration/quotas/judge-quota.js"
import { quotaChecks } from "../../../../server/administration/quotas/quota-checks.js"
import type { Quota } from "../../../../storage/disk/index.js"

const DAY = 24 * 3_600_000
const now = Date.UTC(2026, 0, 10)
const tree = "/mnt/tank/restic/media/radarr"

const uncounted: Quota = {
  kind: "none",
  tree,
  enforced: false,
  limitBytes: "none",
  usedBytes: { unknown: "project quotas are not on" },
  limitFiles: "none",
  usedFiles: { unknown: "project quotas are not on" },
  source: "the mount's options",
  notices: [],
}
const held: Quota = {
  ...uncounted,
  kind: "btrfs-qgroup",
  enforced: true,
  limitBytes: 1000,
  usedBytes: 100,
  source: "/sys",
}
const walk = { bytes: 100, files: 2, unread: 0, elsewhere: 0, begunAt: now - DAY, endedAt: now - DAY + 5 }
const declared = { limitBytes: 1000, warnAt: 85, enforce: true }
const unheld = { message: "project quotas are not on at /mnt/tank", hint: "Mount it with prjquota." }

function facts(more: Partial<QuotaFacts> = {}): QuotaFacts {
  return {
    store: "tank",
    path: "restic/media/radarr",
    realPath: tree,
    quota: held,
    lookedAt: now - 1000,
    unheld: undefined,
    declared: undefined,
    walk: undefined,
    now,
    ...more,
  }
}

const judge = (more: Partial<QuotaFacts>, type = "ext4") => judgeQuota(facts(more), type)
const codes = (more: Partial<QuotaFacts>, type = "ext4") => judge(more, type).findings.map(({ code }) => code)

describe("a limit that the filesystem holds", () => {
  it.each([
    [100, "ok", []],
    [849, "ok", []],
    [850, "near", ["near"]],
    [950, "critical", ["critical"]],
    [1000, "full", ["full"]],
    [5000, "full", ["full"]],
  ])("with %d of 1000 bytes used is %s", (usedBytes, state, found) => {
    const judged = judge({ quota: { ...held, usedBytes } })
    expect(judged).toMatchObject({ state, usedBytes, limitBytes: 1000, usedPercent: usedBytes / 10 })
    expect(judged.findings.map(({ code }) => code)).toEqual(found)
    expect(judged.measuredAt).toBe(new Date(now - 1000).toISOString())
  })

  it("is near from where the document says", () => {
    const near = (warnAt: number) =>
      judge({ declared: { ...declared, warnAt }, quota: { ...held, usedBytes: 970 } }).state
    expect([98, 97, 50].map(near)).toEqual(["ok", "critical", "critical"])
    expect(judge({ declared: { ...declared, warnAt: 10 } }).state).toBe("near")
  })

  it("is not known when the filesystem does not tell, and no figure is 0", () => {
    const judged = judge({ quota: { ...held, usedBytes: { unknown: "only root may ask" } } })
    expect(judged).toMatchObject({ state: "unknown", usedBytes: null, usedPercent: null, measuredAt: null })
    expect(judged.findings[0]).toMatchObject({ code: "not_measured" })
    expect(judged.findings[0]?.message).toContain("only root may ask")
  })

  it("that is in doubt is a finding", () => {
    expect(codes({ quota: { ...held, doubt: "Its mount only counts: until it ends." } })).toEqual([
      "limit_in_doubt",
    ])
  })

  it("that is another one than declared is a finding, rounding down is none", () => {
    expect(codes({ declared: { ...declared, limitBytes: 2000 } })).toEqual(["other_limit"])
    const rounded = { ...held, limitBytes: 2048 }
    expect(codes({ quota: rounded, declared: { ...declared, limitBytes: 2050 } })).toEqual([])
    expect(codes({ declared: { ...declared, limitBytes: 2000, enforce: false } })).toEqual([])
  })
})

describe("a declared limit that is not set", () => {
  it("is a finding where the filesystem could hold it, by its own figures", () => {
    const counted = { ...held, enforced: false, limitBytes: "none" as const }
    const judged = judge({ quota: counted, declared })
    expect(judged).toMatchObject({
      kind: "own",
      enforced: false,
      limitBytes: 1000,
      usedBytes: 100,
      state: "ok",
    })
    expect(judged.findings[0]).toMatchObject({
      code: "not_set",
      hint: "`cistern quotas set tank:restic/media/radarr` sets it.",
    })
    expect(needsWalk(facts({ quota: counted, declared }))).toBe(false)
    expect(needsWalk(facts({ quota: { ...counted, doubt: "being counted" }, declared }))).toBe(true)
  })

  it("is watched by a walk where nobody counts, and is unknown before that", () => {
    const blind = { quota: uncounted, declared, unheld }
    expect(needsWalk(facts(blind))).toBe(true)
    expect(judge(blind)).toMatchObject({ state: "unknown", usedBytes: null, measuredAt: null })
    expect(codes(blind)).toEqual(["not_measured", "not_held"])
    const judged = judge({ ...blind, walk })
    expect(judged).toMatchObject({ state: "ok", kind: "own", usedBytes: 100, usedFiles: 2, enforced: false })
    expect(judged.measuredAt).toBe(new Date(walk.begunAt).toISOString())
    expect(judge({ ...blind, walk: { ...walk, bytes: 900 } }).state).toBe("near")
    expect(judge({ ...blind, walk: { ...walk, unread: 3 } })).toMatchObject({
      state: "unknown",
      usedBytes: null,
    })
    expect(codes({ ...blind, walk: { ...walk, begunAt: now - 4 * DAY } })).toContain("old_figure")
    expect(codes({ ...blind, walk: { ...walk, elsewhere: 1 } })).toContain("not_counted")
  })

  it("is no finding where there is nothing to be done about it, or where it is only to be watched", () => {
    expect(codes({ quota: uncounted, declared, unheld, walk }, "exfat")).toEqual([])
    const watched = { ...declared, enforce: false }
    expect(codes({ quota: uncounted, declared: watched, unheld, walk })).toEqual([])
    expect(judge({ quota: uncounted, declared: watched, unheld, walk: { ...walk, bytes: 2000 } }).state).toBe(
      "full",
    )
  })

  it("does not hide that a tree around it is full", () => {
    const around = { ...held, tree: "/mnt/tank", limitBytes: 9000, usedBytes: 9000 }
    const judged = judge({ quota: around, declared, unheld, walk })
    expect(judged).toMatchObject({ kind: "own", state: "ok", limitBytes: 1000, usedBytes: 100 })
    expect(judged.findings[0]).toMatchObject({ code: "full", severity: "fail" })
    expect(judged.findings[0]?.message).toContain("/mnt/tank holds 100 %")
    // What is not declared is limited by what is around it.
    expect(judge({ quota: around })).toMatchObject({ state: "full", tree: "/mnt/tank" })
  })

  it("has no limit and no finding when nobody said one", () => {
    expect(judge({ quota: uncounted })).toMatchObject({ state: "no_limit", findings: [], limitBytes: null })
  })

  it("names a hostile path so that a shell takes it for one word", () => {
    const [finding] = judge({ quota: uncounted, declared, path: "a b'$(reboot)" }).findings
    expect(finding?.hint).toContain("'tank:a b'\\''$(reboot)'")
  })
})

describe("the doctor's checks of limits", () => {
  const row = {
    ...{
      store: "tank",
      repository: "per-pvc",
      directory: tree,
      volume: null,
      lookedAt: null,
      measuring: null,
    },
    ...{ path: "restic/media/radarr", declaredBytes: 1000, problem: null },
  }
  const rowOf = (more: Partial<QuotaFacts>) => ({ ...row, ...judge(more) })

  it("are one for each that is wrong, the worst first, and one for all that are well", () => {
    const full = rowOf({ quota: { ...held, usedBytes: 2000 } })
    const near = rowOf({ quota: { ...held, usedBytes: 900 } })
    const checks = quotaChecks([rowOf({}), rowOf({}), near, full])
    expect(checks.map(({ status }) => status)).toEqual(["ok", "fail", "warn"])
    expect(checks[0]?.detail).toBe("2 directories are within their limits")
  })

  it("count what is too much to tell, and say nothing where nothing is limited", () => {
    const near = rowOf({ quota: { ...held, usedBytes: 900 } })
    const checks = quotaChecks(Array.from({ length: 25 }, () => near))
    expect(checks).toHaveLength(21)
    expect(checks.at(-1)?.detail).toContain("5 more")
    expect(quotaChecks([{ ...rowOf({ quota: uncounted }), declaredBytes: null }])).toEqual([])
  })

  it("do not complain of a limit that nobody declared and nobody may ask for", () => {
    const unknown = { unknown: "only root may ask" }
    const untold = rowOf({ quota: { ...uncounted, limitBytes: unknown } })
    expect(untold.state).toBe("unknown")
    expect(quotaChecks([{ ...untold, declaredBytes: null }])).toEqual([])
    // What is declared is watched all the same.
    expect(judge({ quota: { ...uncounted, limitBytes: unknown }, declared, unheld, walk }).state).toBe("ok")
  })

  it("say of a declared limit that it could not be looked at", () => {
    const problem = { code: "not_looked_at", message: "nobody has looked at its limit yet", hint: null }
    const [check] = quotaChecks([{ ...rowOf({ quota: uncounted }), state: "unknown", problem }])
    expect(check).toMatchObject({ status: "warn", detail: problem.message })
  })
})
