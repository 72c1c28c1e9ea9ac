import { describe, expect, it } from "vitest"
import { emptyDocument } from "../../../server/config/document.js"
import { DocumentError, renderProblem } from "../../../server/config/document-error.js"
import { parseDocument, parsePlainDocument } from "../../../server/config/parse-document.js"
import { planApply } from "../../../server/config/plan-apply.js"
import { plainDocument, renderDocument } from "../../../server/config/render-document.js"
import { documentJsonSchema } from "../../../server/config/schema.js"

const text = (written: string) => `
stores:
  - name: tank
    path: /mnt/tank
    ${written === "" ? "" : `filesystemSnapshots: ${written}`}
`
const usual = { last: 3, hourly: 0, daily: 7, weekly: 4, monthly: 0, minimumAge: "24h" }
const none = { last: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0, minimumAge: "24h" }

function problems(written: string): string {
  try {
    parseDocument(text(written))
  } catch (error) {
    if (error instanceof DocumentError) return error.problems.map(renderProblem).join("\n")
    throw error
  }
  return ""
}

describe("a store's filesystem snapshots in the document", () => {
  it.each([
    ['{ schedule: { every: day, at: "03:30" } }', { schedule: { every: "day", at: "03:30" }, keep: usual }],
    ["{ schedule: { every: day, at: 03:30 } }", { schedule: { every: "day", at: "03:30" }, keep: usual }],
    [
      "{ schedule: { every: hour }, keep: { hourly: 24, minimumAge: 90m } }",
      { schedule: { every: "hour" }, keep: { ...none, hourly: 24, minimumAge: "90m" } },
    ],
    [
      '{ schedule: { every: week, on: sunday, at: "23:59" }, keep: { monthly: 6 } }',
      { schedule: { every: "week", on: "sunday", at: "23:59" }, keep: { ...none, monthly: 6 } },
    ],
    ["", undefined],
  ])("%s are kept, written back, and read as the same again", (written, wanted) => {
    const { document } = parseDocument(text(written))
    expect(document.stores[0]?.filesystemSnapshots).toEqual(wanted)
    expect(parseDocument(renderDocument(document)).document).toEqual(document)
    expect(parsePlainDocument(plainDocument(document))).toEqual(document)
  })

  it.each([
    ['{ schedule: "30 3 * * *" }', "schedule"],
    ["{ keep: { daily: 7 } }", "schedule"],
    ['{ schedule: { every: hour, at: "03:30" } }', "at"],
    ["{ schedule: { every: day } }", "at"],
    ['{ schedule: { every: day, at: "24:00" } }', "time of day in UTC"],
    ['{ schedule: { every: day, at: "3:30" } }', "time of day in UTC"],
    ['{ schedule: { every: week, at: "03:30" } }', "on"],
    ['{ schedule: { every: month, at: "03:30" } }', "every"],
    ["{ schedule: { every: hour }, keep: { last: -1 } }", "last"],
    ["{ schedule: { every: hour }, keep: { last: 1.5 } }", "last"],
    ["{ schedule: { every: hour }, keep: {} }", "at least one rule must keep something"],
    ["{ schedule: { every: hour }, keep: { last: 1, minimumAge: soon } }", "an age is wanted"],
    ["{ schedule: { every: hour }, keep: { last: 1, yearly: 1 } }", "yearly"],
  ])("%s is refused", (written, word) => {
    expect(problems(written)).toContain(word)
  })

  it("show what of them an apply changes, which loosens no decision", () => {
    const secrets = { has: () => false, holds: () => false }
    const plan = (current: typeof emptyDocument, written: string) =>
      planApply(current, parseDocument(text(written)).document, { secrets })
    const { document } = plan(emptyDocument, "{ schedule: { every: hour } }")
    const { changes, acknowledgements } = plan(document, '{ schedule: { every: day, at: "03:30" } }')
    expect(changes).toMatchObject([
      { kind: "changed", of: "store", name: "tank", fields: [{ field: "filesystemSnapshots" }] },
    ])
    expect(changes[0]?.fields[0]?.after).toContain("03:30")
    expect(acknowledgements).toEqual([])
    expect(plan(document, "{ schedule: { every: hour } }").changes[0]?.kind).toBe("unchanged")
  })

  it("are in the JSON Schema for editors", () => {
    expect(JSON.stringify(documentJsonSchema())).toContain("filesystemSnapshots")
  })
})
