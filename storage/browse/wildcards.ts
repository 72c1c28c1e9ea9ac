/** `text` of a character; `any` is one, `many` any number of them. */
interface Token {
  readonly kind: "character" | "any" | "many"
  readonly text?: string
}

/** One name of a pattern: `*` is any number of characters, `?` one, `\` takes the next one as it is. */
export class Wildcards {
  readonly #tokens: readonly Token[]
  readonly #ignoreCase: boolean

  constructor(text: string, { ignoreCase }: { readonly ignoreCase: boolean }) {
    this.#ignoreCase = ignoreCase
    this.#tokens = tokensOf(ignoreCase ? text.toLowerCase() : text)
  }

  /** Whether the whole name fits. Takes at most the product of both lengths, whatever the pattern. */
  fits(name: string): boolean {
    const characters = Array.from(this.#ignoreCase ? name.toLowerCase() : name)
    const tokens = this.#tokens
    let [at, token] = [0, 0]
    // Where the last `*` is, and how much it has taken: it takes one more whenever the rest does not fit.
    let [star, taken] = [-1, 0]
    while (at < characters.length) {
      const wanted = tokens[token]
      if (wanted?.kind === "many") {
        star = token++
        taken = at
      } else if (wanted !== undefined && (wanted.kind === "any" || wanted.text === characters[at])) {
        token++
        at++
      } else if (star >= 0) {
        token = star + 1
        at = ++taken
      } else return false
    }
    while (tokens[token]?.kind === "many") token++
    return token === tokens.length
  }
}

/** What stands for exactly this text. */
export function escapedWildcards(text: string): string {
  return text.replace(/[\\*?]/g, "\\$&")
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = []
  const characters = Array.from(text)
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] ?? ""
    if (character === "*") {
      if (tokens.at(-1)?.kind !== "many") tokens.push({ kind: "many" })
    } else if (character === "?") tokens.push({ kind: "any" })
    else if (character === "\\" && at + 1 < characters.length)
      tokens.push({ kind: "character", text: characters[++at] ?? "" })
    else tokens.push({ kind: "character", text: character })
  }
  return tokens
}
