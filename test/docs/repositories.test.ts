import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { expect, it } from "vitest"

const root = join(import.meta.dirname, "../..")
const folder = join(root, "server/administration/repositories/creation")

it("docs/repositories.md tells every refusal to make a repository, and what the command ends with", () => {
  const text = readFileSync(join(root, "docs/repositories.md"), "utf8")
  const source = readdirSync(folder)
    .map((name) => readFileSync(join(folder, name), "utf8"))
    .join("\n")
  const ends = { 409: "4", 503: "3" } as const
  const refused = [...source.matchAll(/new HttpError\(\s*(409|503),\s*"(\w+)"/g)].map(
    ([, status, code = ""]) => `${code} ${ends[Number(status) as 409 | 503]}`,
  )
  const told = [...text.matchAll(/^\| (`.*?`) \| (\d) \|/gm)].flatMap(([, cell, end = ""]) =>
    (cell?.match(/\w+/g) ?? []).map((code) => `${code} ${end}`),
  )
  expect(refused.length).toBeGreaterThan(15)
  expect([...new Set(told)].sort()).toEqual([...new Set(refused)].sort())
})
