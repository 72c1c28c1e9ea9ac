import { describe, expect, it } from "vitest"
import {
  documentJsonSchema,
  emptyDocument,
  parseDocument,
  parsePlainDocument,
  plainDocument,
  planApply,
  renderDocument,
} from "../../../server/config/index.js"
import { jobNames } from "../../../server/config/job-names.js"
import { refusal } from "./refusal.js"

const jobs = [
  { name: "tidy", of: "whole" },
  { name: "reread", of: "repository" },
  { name: "measure", of: "store" },
] as const
const secrets = { has: () => false, holds: () => false }

const base = `stores:
  - { name: tank, path: /mnt/tank }
clusters:
  - { name: home }
repositories:
  - { name: shared, cluster: home, engine: kopia, store: tank, path: kopia }
`

function plan(text: string, current = emptyDocument) {
  const { document, locate } = parseDocument(text)
  return planApply(current, document, { secrets, locate, jobs })
}

function refused(text: string): string {
  return refusal(() => plan(text))
}

const schedule = (fields: string): string =>
  `${base}schedules:\n  - { name: nightly, job: reread, ${fields} }\n`

describe("schedules in the document", () => {
  it("are kept, exported and applied again without a change", () => {
    const text = `${base}schedules:
  - { name: nightly, job: reread, repositories: [shared], cron: "30 2 * * *", zone: Europe/Berlin, spread: 2h }
  - { name: never, job: tidy, off: true }
quietHours:
  zone: Europe/Berlin
  windows:
    - { from: "08:00", to: "23:00", days: [saturday, sunday] }
`
    const first = plan(text)
    expect(first.changes.filter(({ of }) => of === "schedule" || of === "hours")).toMatchObject([
      { kind: "added", name: "nightly" },
      { kind: "added", name: "never" },
      { kind: "added", of: "hours", name: "quiet" },
    ])
    expect(parsePlainDocument(plainDocument(first.document))).toEqual(first.document)
    const again = plan(renderDocument(first.document), first.document)
    expect(again.changes.every(({ kind }) => kind === "unchanged")).toBe(true)
    const changed = plan(text.replace("30 2", "45 2"), first.document)
    expect(changed.changes.find(({ name }) => name === "nightly")).toMatchObject({
      kind: "changed",
      fields: [{ field: "cron" }],
    })
    const absent = plan(base, first.document)
    expect(absent.document.schedules).toHaveLength(2)
    expect(absent.document.quietHours).toEqual(first.document.quietHours)
    const removed = planApply(first.document, parseDocument(base).document, { secrets, jobs, remove: true })
    expect(removed.document.schedules).toEqual([])
    expect(removed.document.quietHours).toBeUndefined()
  })

  it.each([
    ['cron: "0 0 30 2 *"', /^8:\d+ schedules\.0\.cron: .*impossible/],
    ['cron: "0-99999999 * * * *"', /^8:\d+ schedules\.0\.cron: /],
    ['cron: "* * * * * *"', /^8:\d+ schedules\.0\.cron: five fields/],
    ['cron: "0 1 * * *", zone: Europe/Atlantis', /^8:\d+ schedules\.0\.zone: .*time zone/],
    ['cron: "0 1 * * *", spread: 9w', /^8:\d+ schedules\.0\.spread: /],
    ['cron: "0 1 * * *", off: true', /^8:\d+ schedules\.0\.cron: what is off/],
    ["zone: UTC", /^8:\d+ schedules\.0: when\?/],
    [
      'cron: "0 1 * * *", repositories: [other]',
      /^8:\d+ schedules\.nightly\.repositories: there is no repository named other/,
    ],
    ['cron: "0 1 * * *", stores: [tank], repositories: [shared]', /^8:\d+ schedules\.0\.stores: either/],
    ['cron: "0 1 * * *", every: day', /^8:\d+ schedules\.0\.every: unknown key/],
  ])("with %s are refused with the line", (fields, message) => {
    expect(refused(schedule(fields))).toMatch(message)
  })

  it("of jobs that are not there, or do not work on what is named, are refused with the line", () => {
    const at = (fields: string) =>
      refused(`${base}schedules:\n  - name: it\n    ${fields}\n    cron: "0 1 * * *"\n`)
    expect(at("job: prune")).toMatch(/^9:\d+ schedules\.it\.job: there is no job named prune/)
    expect(at("job: tidy\n    stores: [tank]")).toMatch(/^10:\d+ schedules\.it\.stores: /)
    expect(at("job: measure\n    repositories: [shared]")).toMatch(/^10:\d+ schedules\.it\.repositories: /)
    expect(at("job: reread\n    stores: [tank]")).toBe("it was taken")
  })

  it("of a job that is gone are kept, so that a later version still starts", () => {
    const kept = { schedules: [{ name: "old", job: "gone", cron: "0 1 * * *" }] }
    const { document } = planApply(emptyDocument, parsePlainDocument(kept), { secrets, kept: true })
    expect(document.schedules).toHaveLength(1)
  })

  it("that contradict each other, or have one name, are refused", () => {
    const two = (one: string, other: string) =>
      refused(
        `${base}schedules:\n  - { name: a, job: reread, ${one} }\n  - { name: b, job: reread, ${other} }\n`,
      )
    expect(two('cron: "0 1 * * *"', "off: true")).toMatch(
      /^9:\d+ schedules\.b\.off: schedule a says otherwise/,
    )
    expect(two('repositories: [shared], cron: "0 1 * * *"', "repositories: [shared], off: true")).toMatch(
      /says otherwise/,
    )
    expect(two('repositories: [shared], cron: "0 1 * * *"', "off: true")).toBe("it was taken")
    expect(two('cron: "0 1 * * *"', 'cron: "0 2 * * 0"')).toBe("it was taken")
    expect(
      refused(
        `${base}schedules:\n  - { name: a, job: tidy, off: true }\n  - { name: a, job: reread, off: true }\n`,
      ),
    ).toMatch(/declared twice/)
  })

  it("leave some time outside of quiet hours", () => {
    const hours = (windows: string) => refused(`${base}quietHours:\n  windows: ${windows}\n`)
    expect(hours('[{ from: "00:00", to: "00:00" }]')).toMatch(
      /^8:\d+ quietHours\.windows: they leave no time/,
    )
    expect(hours('[{ from: "25:00", to: "07:00" }]')).toMatch(/time of day/)
    expect(hours('[{ from: "08:00", to: "07:00" }]')).toBe("it was taken")
  })

  it("are in the JSON Schema, with the names of the jobs", () => {
    const text = JSON.stringify(documentJsonSchema())
    expect(text).toContain(`"enum":${JSON.stringify(jobNames)}`)
    expect(text).toContain("quietHours")
  })
})
