import { readFileSync } from "node:fs"
import { join } from "node:path"
import { expect, it } from "vitest"
import { REASONS } from "../../server/decision/index.js"

it("docs/answers.md tells every reason for unknown, in the order in which they are told", () => {
  const text = readFileSync(join(import.meta.dirname, "../../docs/answers.md"), "utf8")
  const rows = [...text.matchAll(/^\| `(\w+)` \| (.*) \|$/gm)].map(([, code, sentence]) => [code, sentence])
  expect(rows).toEqual(Object.entries(REASONS))
})
