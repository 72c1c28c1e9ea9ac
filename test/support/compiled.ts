import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import ts from "typescript"
import { scratch } from "./fixtures.js"

const root = join(import.meta.dirname, "../..")

/**
 * The source as JavaScript in a new directory, for tests that need the real code in a process of its own: one that can be
 * killed. Types are stripped, not checked. Node 20 does not run TypeScript itself.
 */
export function compiled(...folders: readonly string[]): string {
  const target = scratch()
  writeFileSync(join(target, "package.json"), '{"type":"module"}')
  symlinkSync(join(root, "node_modules"), join(target, "node_modules"))
  for (const folder of folders) {
    for (const file of readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })) {
      const from = join(folder, file)
      mkdirSync(dirname(join(target, from)), { recursive: true })
      if (file.endsWith(".ts")) compileFile(from, target)
      else if (file.endsWith(".sql")) cpSync(join(root, from), join(target, from))
    }
  }
  return target
}

function compileFile(from: string, target: string): void {
  const { outputText } = ts.transpileModule(readFileSync(join(root, from), "utf8"), {
    compilerOptions: {
      target: ts.ScriptTarget.ES2023,
      module: ts.ModuleKind.ESNext,
      verbatimModuleSyntax: true,
    },
  })
  writeFileSync(join(target, from.replace(/\.ts$/, ".js")), outputText)
}
