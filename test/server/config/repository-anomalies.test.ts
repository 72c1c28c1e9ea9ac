import { describe, expect, it } from "vitest"
import { emptyDocument } from "../../../server/config/document.js"
import { DocumentError, renderProblem } from "../../../server/config/document-error.js"
import { parseDocument, parsePlainDocument } from "../../../server/config/parse-document.js"
import { planApply } from "../../../server/config/plan-apply.js"
import { plainDocument, renderDocument } from "../../../server/config/render-document.js"
import { documentJsonSchema } from "../../../server/config/schema.js"

const text = (anomalies: string) => `
stores: [{ name: tank, path: /mnt/tank }]
clusters: [{ name: home }]
repositories:
  - { name: shared, cluster: home, engine: kopia, store: tank, path: kopia${anomalies === "" ? "" : `, anomalies: ${anomalies}`} }
`

const secrets = { has: () => false, holds: () => false }

function problems(anomalies: string): string {
  try {
    parseDocument(text(anomalies))
  } catch (error) {
    if (error instanceof DocumentError) return error.problems.map(renderProblem).join("\n")
    throw error
  }
  return ""
}

describe("a repository's limits of anomalies in the document", () => {
  it.each([
    ["", undefined],
    ["{}", { volumes: {} }],
    ["{ lostPercent: 30, interval: 24h }", { lostPercent: 30, interval: "24h", volumes: {} }],
    ["{ growthBytes: 50GiB, zeroBytes: 512 }", { growthBytes: 50 * 1024 ** 3, zeroBytes: 512, volumes: {} }],
    ["{ off: [growth] }", { off: ["growth"], volumes: {} }],
    [
      "{ growthFactor: 1.5, volumes: { media/radarr: { off: [growth, bytes_lost], missedIntervals: 2.5 } } }",
      {
        growthFactor: 1.5,
        volumes: { "media/radarr": { off: ["growth", "bytes_lost"], missedIntervals: 2.5 } },
      },
    ],
  ])("%s are kept, written back, and read as the same again", (anomalies, wanted) => {
    const { document } = parseDocument(text(anomalies))
    expect(document.repositories[0]?.anomalies).toEqual(wanted)
    expect(parseDocument(renderDocument(document)).document).toEqual(document)
    expect(parsePlainDocument(plainDocument(document))).toEqual(document)
  })

  it.each([
    ["{ lostPercent: 0 }", "lostPercent"],
    ["{ lostPercent: 101 }", "lostPercent"],
    ["{ lostPercent: 2.5 }", "lostPercent"],
    ["{ growthFactor: 1 }", "growthFactor"],
    ["{ growthBytes: 5GB }", "KiB, MiB, GiB"],
    ["{ growthBytes: 0 }", "growthBytes"],
    ["{ interval: daily }", "24h"],
    ["{ interval: 0h }", "24h"],
    ["{ missedIntervals: 0.5 }", "missedIntervals"],
    ["{ window: 1 }", "window"],
    ["{ off: [grwoth] }", "off"],
    ["{ off: [growth, growth] }", "twice"],
    ["{ lost: 3 }", "lost"],
    ["{ volumes: { radarr: {} } }", "namespace/pvc"],
    ["{ volumes: { media/radarr: { volumes: {} } } }", "volumes"],
    ["{ volumes: { media/radarr: { restarts: 0 } } }", "restarts"],
  ])("%s is refused with the line", (anomalies, word) => {
    expect(problems(anomalies)).toContain(word)
    expect(problems(anomalies)).toMatch(/^5:/)
  })

  it("are a change that is shown and needs no acknowledgement", () => {
    const plan = (before: typeof emptyDocument, anomalies: string) =>
      planApply(before, parseDocument(text(anomalies)).document, { secrets })
    const { document } = plan(emptyDocument, "")
    const { changes, acknowledgements } = plan(document, "{ interval: 6h }")
    expect(changes.flatMap(({ fields }) => fields)).toEqual([
      { field: "anomalies", before: null, after: '{"interval":"6h","volumes":{}}' },
    ])
    expect(acknowledgements).toEqual([])
  })

  it("are in the schema that editors complete", () => {
    expect(JSON.stringify(documentJsonSchema())).toContain("Anomalies that are not told")
  })
})
