import { readFileSync } from "node:fs"
import { join } from "node:path"
import { expect, it } from "vitest"
import { parse } from "yaml"
import { ANOMALY_CODES, limitsOf, usualLimits } from "../../server/anomalies/index.js"
import { parseDocument } from "../../server/config/index.js"

const text = readFileSync(join(import.meta.dirname, "../../docs/anomalies.md"), "utf8")

it("docs/anomalies.md tells every code", () => {
  const told = [...text.matchAll(/^\| (`[^|]*) \|/gm)].flatMap(([, cell = ""]) =>
    [...cell.matchAll(/`(\w+)`/g)].map(([, code]) => code),
  )
  expect(told.sort()).toEqual([...ANOMALY_CODES].sort())
})

it("docs/anomalies.md tells the usual limits, in a document that is taken", () => {
  const [, example = ""] = /^```yaml\n([\s\S]*?)^```/m.exec(text) ?? []
  const { repositories } = parse(example) as { repositories: [{ anomalies: object }] }
  const { document } = parseDocument(
    JSON.stringify({
      stores: [{ name: "tank", path: "/mnt/tank" }],
      clusters: [{ name: "home" }],
      repositories: [{ ...repositories[0], cluster: "home", engine: "kopia", store: "tank" }],
    }),
  )
  const said = document.repositories[0]?.anomalies
  expect(limitsOf(said, undefined)).toEqual({ ...usualLimits, intervalMs: 86_400_000 })
  expect(limitsOf(said, "media/radarr").off).toEqual(["growth"])
})
