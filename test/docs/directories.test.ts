import { readFileSync } from "node:fs"
import { join } from "node:path"
import { expect, it } from "vitest"

const root = join(import.meta.dirname, "../..")

it("docs/directories.md tells every finding that the audit has", () => {
  const text = readFileSync(join(root, "docs/directories.md"), "utf8")
  const source = ["judge-directory.ts", "judge-acl.ts"]
    .map((file) => readFileSync(join(root, "server/administration/directories", file), "utf8"))
    .join("\n")
  const codes = new Set([...source.matchAll(/\bcode: "(\w+)"/g)].map(([, code]) => code ?? ""))
  const told = new Set(
    [...text.matchAll(/^\| (`.*?`) \|/gm)].flatMap(([, cell]) => cell?.match(/\w+/g) ?? []),
  )
  expect(codes.size).toBeGreaterThan(6)
  expect([...told].sort()).toEqual([...codes].sort())
})
