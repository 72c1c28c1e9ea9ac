import { afterEach, describe, expect, it } from "vitest"
import { openDatabase, type StateDatabase } from "../../../server/db/index.js"
import { migrate, readMigrations } from "../../../server/db/migrate.js"
import { openSqlite } from "../../../server/db/sqlite.js"
import { type Fact, type FindingsRoom, MOST_OPEN, openFindings } from "../../../server/findings/index.js"
import type { FindingJson } from "../../../server/http/contract/findings.js"
import { findingShownJson, findingsJson, mutesJson } from "../../../server/http/contract/findings.js"
import { join } from "node:path"
import { scratch } from "../../support/fixtures.js"

const opened: StateDatabase[] = []
afterEach(() => {
  for (const database of opened.splice(0)) database.close()
})

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const here = { source: "test", scope: "all" }
const by = "anna"

class Stage {
  now = Date.parse("2026-11-22T00:00:00Z")
  readonly state: string
  room: FindingsRoom
  database: StateDatabase

  constructor(state = scratch()) {
    this.state = state
    ;({ room: this.room, database: this.database } = this.#open())
  }

  #open(): { room: FindingsRoom; database: StateDatabase } {
    const database = openDatabase(this.state)
    opened.push(database)
    const log = { info: () => undefined, warn: () => undefined }
    return { database, room: openFindings(database, { now: () => this.now, log }) }
  }

  /** As after `kill -9`: nothing is saved at the end. */
  restart(): void {
    this.database.close()
    opened.splice(opened.indexOf(this.database), 1)
    ;({ room: this.room, database: this.database } = this.#open())
  }

  report(...facts: readonly Fact[]): void {
    this.now += MINUTE
    this.room.findings.report(here, facts)
  }

  list(query: Record<string, string> = {}): FindingJson[] {
    return findingsJson.parse(this.room.views.list(query)).findings
  }

  /** The only one, whatever its state. */
  one(): FindingJson {
    const [first, ...more] = this.list({ state: "open,acknowledged,closed" })
    if (first === undefined || more.length > 0) throw new Error("there is not exactly one finding")
    return first
  }

  events(id: number): string[] {
    return findingShownJson.parse(this.room.views.show(id, undefined)).events.map(({ kind }) => kind)
  }

  until(later: number): string {
    return new Date(this.now + later).toISOString()
  }
}

const broken: Fact = {
  code: "broken",
  severity: "warning",
  subject: { kind: "thing", key: "a" },
  title: "thing a is broken",
  hint: "Mend it.",
  evidence: { since: "today" },
  volumes: [{ cluster: "home", namespace: "media", pvc: "radarr" }],
}
const worse: Fact = { ...broken, severity: "critical", title: "thing a is gone" }
const other = (n: number, more: Partial<Fact> = {}): Fact => ({
  ...broken,
  subject: { kind: "thing", key: `n${n}` },
  title: `thing ${n}`,
  ...more,
})

function refusal(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    return (error as { code: string }).code
  }
  throw new Error("it was not refused")
}

describe("a finding", () => {
  it("is open while it is found, with how often and when last, and closed when it is not", () => {
    const stage = new Stage()
    stage.report(broken)
    stage.report(broken)
    stage.report(broken)
    expect(stage.one()).toMatchObject({
      code: "broken",
      severity: "warning",
      state: "open",
      timesSeen: 3,
      volumes: 1,
      firstSeen: "2026-11-22T00:01:00.000Z",
      lastSeen: "2026-11-22T00:03:00.000Z",
    })
    stage.report()
    expect(stage.list()).toEqual([])
    expect(stage.one()).toMatchObject({
      state: "closed",
      timesSeen: 3,
      lastSeen: "2026-11-22T00:03:00.000Z",
      closed: { at: "2026-11-22T00:04:00.000Z", why: "gone", by: null },
    })
  })

  it("that comes back is the same one, with its history, also days later and after a restart", () => {
    const stage = new Stage()
    stage.report(broken)
    const { id } = stage.one()
    stage.report()
    stage.now += 3 * DAY
    stage.restart()
    stage.report(worse)
    expect(stage.one()).toMatchObject({ id, state: "open", opened: 2, timesSeen: 2, severity: "critical" })
    expect(stage.one().firstSeen).toBe("2026-11-22T00:01:00.000Z")
    expect(stage.events(id)).toEqual(["opened", "closed", "reopened"])
  })

  it("that comes and goes stays open until it was away for an hour", () => {
    const stage = new Stage()
    for (const facts of [[broken], [], [broken], [], [broken], []]) stage.report(...facts)
    expect(stage.one()).toMatchObject({ state: "open", opened: 2, absentSince: "2026-11-22T00:06:00.000Z" })
    expect(stage.one().timesSeen).toBe(3)
    stage.now += HOUR
    stage.report()
    expect(stage.one()).toMatchObject({ state: "closed", timesSeen: 3 })
  })

  it("is kept over a crash, and what is told of it again costs no write", () => {
    const stage = new Stage()
    stage.report(broken)
    const writes = (): unknown => stage.database.connection.prepare("SELECT total_changes()").pluck().get()
    const before = writes()
    for (let n = 0; n < 100; n++) stage.report(broken)
    expect(writes()).toBe(before)
    expect(stage.one().timesSeen).toBe(101)
    stage.restart()
    expect(stage.one()).toMatchObject({ state: "open", timesSeen: 1 })
    stage.report(broken)
    stage.room.findings.save()
    stage.restart()
    expect(stage.one().timesSeen).toBe(2)
  })

  it("stays as it is while its source cannot look, and says since when nobody knows", () => {
    const stage = new Stage()
    stage.report(broken)
    stage.now += HOUR
    stage.room.findings.couldNotLook(here, "the store hangs")
    expect(stage.one()).toMatchObject({
      state: "open",
      lastSeen: "2026-11-22T00:01:00.000Z",
      unknownSince: "2026-11-22T01:01:00.000Z",
    })
    expect(stage.room.views.list({})).toMatchObject({
      unknownTotal: 1,
      unknown: [
        { source: "test", scope: "all", why: "the store hangs", lookedAt: "2026-11-22T00:01:00.000Z" },
      ],
    })
    stage.report(broken)
    expect(stage.one()).toMatchObject({ unknownSince: null, timesSeen: 2 })
    expect(stage.room.views.list({}).unknownTotal).toBe(0)
  })

  it("that alone could not be looked at stays, with the last time it was seen, while others close", () => {
    const stage = new Stage()
    stage.report(broken, other(1))
    const unsure = { subjects: [broken.subject], why: "it hangs" }
    for (let n = 0; n < 3; n++) {
      stage.now += MINUTE
      stage.room.findings.report(here, [], { unsure })
    }
    expect(stage.one.bind(stage)).toThrow()
    expect(stage.list()).toMatchObject([
      {
        subject: { key: "a" },
        lastSeen: "2026-11-22T00:01:00.000Z",
        timesSeen: 1,
        unknownSince: "2026-11-22T00:02:00.000Z",
      },
    ])
    stage.report(broken)
    expect(stage.list()).toMatchObject([
      { unknownSince: null, timesSeen: 2, lastSeen: "2026-11-22T00:05:00.000Z" },
    ])
  })

  it("goes with the scope that is no more", () => {
    const stage = new Stage()
    stage.room.findings.report({ source: "test", scope: "old" }, [broken])
    stage.room.findings.report({ source: "test", scope: "new" }, [other(1)])
    stage.room.findings.couldNotLook({ source: "test", scope: "older" }, "gone")
    stage.room.findings.onlyScopes("test", ["new"])
    expect(stage.list().map(({ subject }) => subject.key)).toEqual(["n1"])
    expect(stage.room.views.list({}).unknownTotal).toBe(0)
    stage.restart()
    expect(stage.room.looks.all().map(({ scope }) => scope)).toEqual(["new"])
  })

  it("is forgotten three months after it was closed, and never before", () => {
    const stage = new Stage()
    stage.report(broken)
    stage.report()
    stage.now += 89 * DAY
    stage.room.findings.save()
    expect(stage.list({ state: "closed" })).toHaveLength(1)
    stage.now += 2 * DAY
    stage.room.findings.save()
    expect(stage.list({ state: "closed" })).toEqual([])
    for (const table of ["finding_event", "finding_volume"])
      expect(stage.database.connection.prepare(`SELECT count(*) FROM ${table}`).pluck().get()).toBe(0)
  })

  it("has no history without end", () => {
    const stage = new Stage()
    for (let n = 0; n < 300; n++) {
      stage.now += 2 * DAY
      stage.report(broken)
      stage.report()
    }
    const { events } = stage.room.views.show(stage.one().id, undefined)
    expect(events.length).toBeLessThanOrEqual(102)
    expect([events[0]?.kind, events.at(-1)?.kind]).toEqual(["opened", "closed"])
  })
})

describe("what a person does about a finding", () => {
  it("acknowledges it with a reason, and by whom, until it is gone", () => {
    const stage = new Stage()
    stage.report(broken)
    const { id } = stage.one()
    stage.room.views.acknowledge(id, { why: "a disk is ordered" }, by)
    stage.report(broken)
    stage.restart()
    expect(stage.one()).toMatchObject({
      state: "acknowledged",
      acknowledged: { by, why: "a disk is ordered", until: null },
    })
    expect(stage.room.views.list({}).open).toEqual({ critical: 0, warning: 0, info: 0 })
    stage.report()
    stage.now += 2 * DAY
    stage.report(broken)
    expect(stage.one()).toMatchObject({ state: "open", acknowledged: null })
  })

  it("acknowledges it for a time, after which it is open again, over a restart too", () => {
    const stage = new Stage()
    stage.report(broken)
    const { id } = stage.one()
    stage.room.views.acknowledge(id, { why: "later", until: stage.until(HOUR) }, by)
    stage.now += HOUR - 1
    expect(stage.one().state).toBe("acknowledged")
    stage.restart()
    stage.now += 1
    expect(stage.one()).toMatchObject({ state: "open", acknowledged: null })
    expect(stage.events(id)).toEqual(["opened", "acknowledged", "acknowledgement_over"])
  })

  it("acknowledged less than what it becomes: it is open when it gets worse, and not when it gets better", () => {
    const stage = new Stage()
    stage.report(broken)
    const { id } = stage.one()
    stage.room.views.acknowledge(id, { why: "known" }, by)
    stage.report({ ...broken, severity: "info" })
    expect(stage.one()).toMatchObject({ state: "acknowledged", severity: "info" })
    stage.report(worse)
    expect(stage.one()).toMatchObject({ state: "open", severity: "critical", acknowledged: null })
    expect(stage.events(id)).toEqual(["opened", "acknowledged", "better", "worse"])
  })

  it("does not have to acknowledge again what comes back within a day", () => {
    const stage = new Stage()
    stage.report(broken)
    stage.room.views.acknowledge(stage.one().id, { why: "it flaps" }, by)
    stage.report()
    stage.report(broken)
    expect(stage.one()).toMatchObject({ state: "acknowledged", acknowledged: { why: "it flaps" } })
  })

  it("cannot close what is still there, what is closed, or what is not", () => {
    const stage = new Stage()
    stage.report(broken)
    const { id } = stage.one()
    const { views } = stage.room
    expect(refusal(() => views.close(id, { why: "enough" }, by))).toBe("still_seen")
    expect(refusal(() => views.reopen(id, {}, by))).toBe("open")
    expect(refusal(() => views.close(id + 1, { why: "enough" }, by))).toBe("not_found")
    expect(refusal(() => views.acknowledge(id, { why: "x", until: stage.until(-1) }, by))).toBe("past")
    stage.report()
    expect(refusal(() => views.close(id, { why: "enough" }, by))).toBe("closed")
    expect(refusal(() => views.acknowledge(id, { why: "x" }, by))).toBe("closed")
    expect(refusal(() => views.reopen(id, {}, by))).toBe("gone")
  })

  it("closes what nobody has seen for a day, opens it again, and it opens by itself when it is found", () => {
    const stage = new Stage()
    stage.report(broken)
    const { id } = stage.one()
    stage.now += DAY
    stage.room.findings.couldNotLook(here, "the store is gone")
    expect(refusal(() => stage.room.views.close(id, { why: "sold" }, by))).toBe("still_seen")
    stage.now += 1
    stage.room.views.close(id, { why: "sold" }, by)
    expect(stage.one()).toMatchObject({ state: "closed", closed: { why: "by hand", by } })
    stage.room.views.reopen(id, { why: "bought again" }, by)
    expect(stage.one()).toMatchObject({ state: "open" })
    stage.room.views.close(id, { why: "sold" }, by)
    stage.report(broken)
    expect(stage.one()).toMatchObject({ id, state: "open" })
  })

  it("mutes a code of a subject for a while: it counts no more, and is told all the same", () => {
    const stage = new Stage()
    stage.report(worse, other(1))
    const { code, subject } = worse
    stage.room.views.mute({ code, subject, until: stage.until(HOUR), why: "rebuilding" }, by)
    expect(stage.room.views.list({}).open).toEqual({ critical: 0, warning: 1, info: 0 })
    expect(stage.list({ muted: "true" })).toMatchObject([
      { subject: { key: "a" }, muted: { by, why: "rebuilding" } },
    ])
    expect(stage.list({ muted: "false" })).toMatchObject([{ subject: { key: "n1" }, muted: null }])
    stage.report(other(1))
    stage.report(worse, other(1))
    stage.restart()
    expect(stage.room.views.list({}).open.critical).toBe(0)
    stage.now += HOUR
    expect(stage.room.views.list({}).open.critical).toBe(1)
    expect(mutesJson.parse(stage.room.views.mutes()).mutes).toEqual([])
    expect(refusal(() => stage.room.views.unmute({ code, subject }, by))).toBe("not_found")
    stage.room.views.mute({ code, subject, until: stage.until(HOUR), why: "again" }, by)
    stage.room.views.unmute({ code, subject }, by)
    expect(stage.room.views.list({}).open.critical).toBe(1)
    expect(
      refusal(() => stage.room.views.mute({ code, subject, until: stage.until(400 * DAY), why: "x" }, by)),
    ).toBe("too_long")
  })
})

describe("the list", () => {
  it("is told page by page, the worst first, whatever changes meanwhile", () => {
    const stage = new Stage()
    const facts = Array.from({ length: 25 }, (_, n) =>
      other(n, { severity: n % 3 === 0 ? "critical" : n % 3 === 1 ? "info" : "warning" }),
    )
    stage.report(...facts)
    const seen: FindingJson[] = []
    let after: string | null = null
    do {
      const page = findingsJson.parse(
        stage.room.views.list({ limit: "4", ...(after === null ? {} : { after }) }),
      )
      expect(page.total).toBeGreaterThanOrEqual(25)
      seen.push(...page.findings)
      after = page.next
      stage.report(...facts, other(100 + seen.length, { severity: "critical" }))
    } while (after !== null)
    const numbers = seen.map(({ id }) => id)
    expect(new Set(numbers).size).toBe(numbers.length)
    expect(facts.every(({ subject }) => seen.some((one) => one.subject.key === subject.key))).toBe(true)
    const ranks = seen.map(({ severity }) => ["critical", "warning", "info"].indexOf(severity))
    expect(ranks).toEqual([...ranks].sort((a, b) => a - b))
  })

  it("is asked for by state, severity, code, source, subject and volume", () => {
    const stage = new Stage()
    const sonarr = { cluster: "home", namespace: "media", pvc: "sonarr" }
    stage.report(broken, other(1, { code: "odd", severity: "info", volumes: [sonarr] }))
    stage.room.findings.report({ source: "second", scope: "s" }, [other(2)])
    const keys = (query: Record<string, string>): string[] =>
      stage.list(query).map(({ subject }) => subject.key)
    expect(keys({ severity: "warning,critical" })).toEqual(["n2", "a"])
    expect(keys({ code: "odd" })).toEqual(["n1"])
    expect(keys({ source: "second" })).toEqual(["n2"])
    expect(keys({ kind: "thing", subject: "a" })).toEqual(["a"])
    expect(keys({ volume: "media/sonarr" })).toEqual(["n1"])
    expect(keys({ volume: "home/media/radarr" })).toEqual(["n2", "a"])
    expect(keys({ volume: "away/media/radarr" })).toEqual([])
    expect(keys({ state: "closed" })).toEqual([])
    for (const query of [
      { state: "odd" },
      { severity: "1" },
      { volume: "x" },
      { muted: "1" },
      { limit: "0" },
      { after: "x" },
      { colour: "red" },
    ])
      expect(
        refusal(() => stage.list(query as Record<string, string>)),
        JSON.stringify(query),
      ).toBe("invalid")
  })

  it("takes text that means something to SQL for text", () => {
    const stage = new Stage()
    const key = `x'; DROP TABLE finding; -- %_"`
    stage.report({ ...broken, subject: { kind: "thing", key } })
    expect(stage.list({ subject: key })).toHaveLength(1)
    expect(stage.list({ code: `' OR '1'='1` })).toEqual([])
  })

  it("shows thousands of volumes of one finding page by page", () => {
    const stage = new Stage()
    const volumes = Array.from({ length: 450 }, (_, n) => ({
      cluster: "home",
      namespace: "ns",
      pvc: `p${n}`,
    }))
    stage.report({ ...broken, volumes: [...volumes, ...volumes] })
    const names: string[] = []
    let after: string | null = null
    do {
      const { finding, touched } = findingShownJson.parse(
        stage.room.views.show(stage.one().id, after ?? undefined),
      )
      expect(finding.volumes).toBe(450)
      names.push(...touched.volumes.map(({ pvc }) => pvc))
      after = touched.next
    } while (after !== null)
    expect(new Set(names).size).toBe(450)
    expect(names).toHaveLength(450)
  })

  it("has no more open ones of a source than are kept, and one that counts the others", () => {
    const stage = new Stage()
    const most = MOST_OPEN
    const facts = Array.from({ length: most + 5 }, (_, n) => other(n, { volumes: [] }))
    stage.report(...facts)
    const shown = stage.room.views.list({ limit: "1" })
    expect(shown.total).toBe(most + 1)
    expect(stage.list({ code: "more_findings" })).toMatchObject([
      { title: "5 more findings of test are not kept" },
    ])
    stage.report(...facts.slice(4))
    expect(stage.list({ code: "more_findings" })).toMatchObject([
      { title: "1 more findings of test are not kept" },
    ])
    stage.report(...facts.slice(5))
    expect(stage.list({ code: "more_findings" })).toEqual([])
    expect(stage.room.views.list({ limit: "1" }).total).toBe(most)
    expect(stage.room.views.counts()).toContainEqual({ severity: "warning", state: "open", count: most })
  })
})

describe("a state that an earlier release wrote", () => {
  it("gets the tables and keeps what is in it", () => {
    const state = scratch()
    const file = join(state, "state.sqlite")
    const before = openSqlite(file)
    migrate(
      before,
      readMigrations().filter(({ name }) => name < "0006"),
      1,
    )
    before.prepare("INSERT INTO pin VALUES ('p', 'kopia', 'id', 'id', 1)").run()
    before.close()
    const stage = new Stage(state)
    stage.report(broken)
    expect(stage.one().state).toBe("open")
    expect(stage.database.connection.prepare("SELECT repository_id FROM pin").pluck().get()).toBe("id")
  })
})
