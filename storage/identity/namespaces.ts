import { StorageError } from "../errors.js"
import { isNamespace } from "./volume-name.js"

/** Which namespaces a repository serves: the last pattern that fits decides, and what none fits is not served. */
export interface NamespaceRules {
  readonly patterns: readonly { readonly text: string; readonly serves: boolean }[]
}

/** Parses `["*", "!legacy-*"]`; `*` stands for any run of characters. Throws StorageError `invalid`. */
export function parseNamespaceRules(texts: readonly string[]): NamespaceRules {
  const patterns = texts.map((text) => {
    const serves = !text.startsWith("!")
    const pattern = serves ? text : text.slice(1)
    if (!/^[a-z0-9*-]{1,63}$/.test(pattern)) {
      throw new StorageError("invalid", `not a pattern of namespaces: ${JSON.stringify(text)}`, {
        hint: 'Patterns have a-z, 0-9, "-" and "*", and "!" before them takes away: ["*", "!legacy-*"].',
      })
    }
    return { text: pattern, serves }
  })
  if (!patterns.some(({ serves }) => serves)) {
    throw new StorageError("invalid", "no pattern serves any namespace", {
      hint: 'Begin with what is served: ["*", "!legacy-*"].',
    })
  }
  return { patterns }
}

export const EVERY_NAMESPACE: NamespaceRules = { patterns: [{ text: "*", serves: true }] }

export function servesNamespace({ patterns }: NamespaceRules, namespace: string): boolean {
  return decides(
    { patterns },
    patterns.map(({ text }) =>
      Array.from(namespace).reduce((at, character) => advance(text, at, character), begin(text)),
    ),
  )
}

/** Far above what a handful of patterns needs; beyond it, an overlap is taken to exist. */
const SEARCH_LIMIT = 20_000

/**
 * A namespace that both would serve, the shortest there is; undefined when there is certainly none. Reads both lists of
 * patterns at once, one character after the other, and goes on from each situation that was not met before.
 */
export function overlap(a: NamespaceRules, b: NamespaceRules): string | undefined {
  const patterns = [...a.patterns, ...b.patterns].map(({ text }) => text)
  const used = new Set(patterns.join("").replaceAll("*", ""))
  const other = Array.from("abcdefghijklmnopqrstuvwxyz0123456789").find((character) => !used.has(character))
  const alphabet = other === undefined ? [...used] : [...used, other]
  const queue = [{ word: "", at: patterns.map(begin) }]
  const met = new Set<string>()
  for (const { word, at } of queue) {
    const [ofA, ofB] = [at.slice(0, a.patterns.length), at.slice(a.patterns.length)]
    if (isNamespace(word) && decides(a, ofA) && decides(b, ofB)) return word
    if (met.size > SEARCH_LIMIT) return word
    for (const character of alphabet) {
      const next = {
        word: word + character,
        at: patterns.map((text, i) => advance(text, at[i] ?? [], character)),
      }
      // A namespace may not begin or end with "-", so that it matters what was read last.
      const situation = `${character === "-"}${JSON.stringify(next.at)}`
      if (next.word.startsWith("-") || next.word.length > 63 || met.has(situation)) continue
      met.add(situation)
      queue.push(next)
    }
  }
  return undefined
}

/** Where in a pattern its reader may stand: several places, because a "*" may end anywhere. */
type Places = readonly number[]

function begin(pattern: string): Places {
  return passStars(pattern, [0])
}

function advance(pattern: string, at: Places, character: string): Places {
  const next = at.flatMap((i) => (pattern[i] === "*" ? [i] : pattern[i] === character ? [i + 1] : []))
  return passStars(pattern, next)
}

function passStars(pattern: string, at: Places): Places {
  const places = new Set(at)
  for (const i of places) if (pattern[i] === "*") places.add(i + 1)
  return [...places].sort((x, y) => x - y)
}

/** Whether the rules serve a name that brought the readers of their patterns to these places. */
function decides({ patterns }: NamespaceRules, at: readonly Places[]): boolean {
  const last = patterns.findLastIndex(({ text }, i) => at[i]?.includes(text.length) ?? false)
  return patterns[last]?.serves ?? false
}
