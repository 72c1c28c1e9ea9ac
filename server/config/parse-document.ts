import {
  isAlias,
  isMap,
  isSeq,
  LineCounter,
  type Node,
  parseDocument as parseYaml,
  type Pair,
  isScalar,
} from "yaml"
import type { Document as YamlDocument, YAMLError } from "yaml"
import type { z } from "zod"
import type { DeclaredDocument } from "./document.js"
import { DocumentError, type DocumentPath, type DocumentProblem, type Position } from "./document-error.js"
import { documentSchema } from "./schema.js"

export interface ParsedDocument {
  readonly document: DeclaredDocument
  /** Where a part of the document, or the nearest thing around it that is there, was written. */
  readonly locate: (path: DocumentPath) => Position | undefined
}

/** A thousand volumes mapped by hand fit many times. */
const maxCharacters = 4 * 1024 * 1024

/** Aliases save typing; more than this is a bomb. */
const maxAliases = 200

/** Parses YAML (and so JSON). Throws DocumentError with every problem found, each with its line. */
export function parseDocument(text: string): ParsedDocument {
  if (text.length > maxCharacters) {
    throw failure([], `the document has ${text.length} characters, ${maxCharacters} are the most`)
  }
  const lines = new LineCounter()
  const yaml = readYaml(text, lines)
  const locate = (path: DocumentPath) => positionOf(yaml, lines, path)
  const plain = plainOf(yaml)
  const parsed = documentSchema.safeParse(plain ?? {}, { reportInput: false })
  if (!parsed.success) throw new DocumentError(problemsOf(parsed.error, locate))
  return { document: parsed.data, locate }
}

/** Takes a document that was kept as JSON. Throws DocumentError. */
export function parsePlainDocument(plain: unknown): DeclaredDocument {
  const parsed = documentSchema.safeParse(plain)
  if (!parsed.success) throw new DocumentError(problemsOf(parsed.error, () => undefined))
  return parsed.data
}

function failure(path: DocumentPath, message: string, position?: Position): DocumentError {
  return new DocumentError([{ path, message, position }])
}

function readYaml(text: string, lines: LineCounter): YamlDocument {
  let yaml: YamlDocument.Parsed
  try {
    yaml = parseYaml(text, { lineCounter: lines, prettyErrors: false, stringKeys: true })
  } catch (cause) {
    // The parser calls itself for each level, so nesting without end ends its stack.
    if (cause instanceof RangeError) throw failure([], "the document is nested too deeply")
    throw cause
  }
  // A warning is a value that would be read as something else than was written. One fault of syntax brings others in its train.
  const faults = [...yaml.errors, ...yaml.warnings].slice(0, 5)
  if (faults.length > 0) {
    throw new DocumentError(
      faults.map((fault) => {
        const { line, col } = lines.linePos(fault.pos[0])
        return { path: [], message: explained(fault.code), position: { line, column: col } }
      }),
    )
  }
  return yaml
}

const badAlias = 'a value that begins with "*" must be in quotes, unless it repeats an anchor'

const explanations: Partial<Record<YAMLError["code"], string>> = {
  DUPLICATE_KEY: "this key is here twice",
  TAG_RESOLVE_FAILED: 'a value that begins with "!" must be in quotes',
  BAD_ALIAS: badAlias,
  MULTIPLE_DOCS: "only one document is wanted",
  BAD_INDENT: "the indentation does not fit",
  TAB_AS_INDENT: "the indentation does not fit",
}

/** The parser's own messages quote the text, which may be a password. */
function explained(code: YAMLError["code"]): string {
  return explanations[code] ?? `not YAML here (${code.toLowerCase().replaceAll("_", " ")})`
}

function plainOf(yaml: YamlDocument): unknown {
  try {
    return yaml.toJS({ maxAliasCount: maxAliases })
  } catch (cause) {
    if (cause instanceof ReferenceError && cause.message.startsWith("Unresolved alias")) {
      throw failure([], badAlias)
    }
    if (cause instanceof ReferenceError || cause instanceof RangeError) {
      throw failure([], `the aliases unfold to more than ${maxAliases} times what is written`)
    }
    throw cause
  }
}

function problemsOf(
  error: z.ZodError,
  locate: (path: DocumentPath) => Position | undefined,
): DocumentProblem[] {
  return error.issues
    .flatMap((issue) => problemsOfIssue(issue, []))
    .map((problem) => ({
      ...problem,
      position: locate(problem.path),
    }))
}

type Unplaced = Omit<DocumentProblem, "position">

function problemsOfIssue(issue: z.core.$ZodIssue, above: DocumentPath): Unplaced[] {
  const path = [...above, ...issue.path.map((key) => (typeof key === "symbol" ? key.toString() : key))]
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({ path: [...path, key], message: "unknown key" }))
  }
  if (issue.code === "invalid_key") return issue.issues.flatMap((inner) => problemsOfIssue(inner, path))
  if (issue.code === "invalid_union") {
    // The alternative that fits best is the one with something more telling than "wrong type" to say.
    const telling = issue.errors.find((issues) => issues.some((inner) => inner.code !== "invalid_type"))
    if (telling !== undefined) return telling.flatMap((inner) => problemsOfIssue(inner, path))
  }
  return [{ path, message: lowered(issue.message.replace(/^Invalid input: /, "")) }]
}

function lowered(message: string): string {
  return message.charAt(0).toLowerCase() + message.slice(1)
}

function positionOf(yaml: YamlDocument, lines: LineCounter, path: DocumentPath): Position | undefined {
  let node: Node | null = yaml.contents
  let nearest = node
  for (const key of path) {
    if (isAlias(node)) node = node.resolve(yaml) ?? null
    const next: readonly [Node, Node | null] | undefined = step(node, key)
    if (next === undefined) break
    nearest = next[0]
    node = next[1]
  }
  const start = nearest?.range?.[0]
  if (start === undefined) return undefined
  const { line, col } = lines.linePos(start)
  return { line, column: col }
}

/** The node to point at for `key` (a map's key itself, a list's item) and the node to go on from. */
function step(node: Node | null, key: string | number): readonly [Node, Node | null] | undefined {
  if (isMap(node)) {
    const pair = (node.items as Pair<Node, Node | null>[]).find(
      (candidate) => isScalar(candidate.key) && String(candidate.key.value) === String(key),
    )
    return pair && [pair.key, pair.value]
  }
  if (isSeq(node)) {
    const items = node.items as Node[]
    const item =
      typeof key === "number" ? items[key] : items.find((one) => isMap(one) && one.get("name") === key)
    return item && [item, item]
  }
  return undefined
}
