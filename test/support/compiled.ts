import { createHash } from "node:crypto"
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { dirname, join } from "node:path"
import ts from "typescript"
import { scratch } from "./fixtures.js"

const root = join(import.meta.dirname, "../..")

/**
 * Folders of the source as JavaScript in a new directory, for tests that need the real code in a process of its own: one
 * that can be killed. Types are stripped, not checked. Node 20 does not run TypeScript itself.
 */
export function compiled(...sources: readonly string[]): string {
  const target = scratch()
  writeFileSync(join(target, "package.json"), '{"type":"module"}')
  symlinkSync(join(root, "node_modules"), join(target, "node_modules"))
  for (const source of sources) {
    for (const from of filesOf(source)) {
      mkdirSync(dirname(join(target, from)), { recursive: true })
      if (from.endsWith(".ts")) compileFile(from, target)
      else if (from.endsWith(".sql")) cpSync(join(root, from), join(target, from))
    }
  }
  return target
}

function filesOf(source: string): string[] {
  return readdirSync(join(root, source), { recursive: true, encoding: "utf8" }).map((file) =>
    join(source, file),
  )
}

/** Most tests compile the same thousand files, each in seconds. By the hash of the source. */
const cache = join(root, "node_modules/.cache/cistern-compiled", ts.version)

function compileFile(from: string, target: string): void {
  const source = readFileSync(join(root, from), "utf8")
  const known = join(cache, `${createHash("sha256").update(source).digest("hex")}.js`)
  if (!existsSync(known)) {
    mkdirSync(cache, { recursive: true })
    // Two test files may compile the same at once.
    const own = `${known}.${process.pid}`
    writeFileSync(own, javascriptOf(source))
    renameSync(own, known)
  }
  copyFileSync(known, join(target, from.replace(/\.ts$/, ".js")))
}

function javascriptOf(source: string): string {
  return ts.transpileModule(source, {
    compilerOptions: {
      target: ts.ScriptTarget.ES2023,
      module: ts.ModuleKind.ESNext,
      verbatimModuleSyntax: true,
    },
  }).outputText
}
