import { StorageError } from "../errors.js"

export type JsonObject = Readonly<Record<string, unknown>>

/** What is longer is looked at before it is parsed. */
const SHORT = 4 * 1024 * 1024
/** A directory of a million files has fewer. As objects they take a hundred times what two bytes of text take. */
const MOST_VALUES = 20_000_000
const COMMA = 0x2c
const OPEN_LIST = 0x5b
const OPEN_OBJECT = 0x7b

const utf8 = new TextDecoder("utf-8", { fatal: false })

/** Parses JSON that came from a repository. `what` names the file; the message never quotes the bytes. */
export function parseJson(bytes: Uint8Array, what: string): unknown {
  if (bytes.length > SHORT && valuesIn(bytes) > MOST_VALUES) {
    throw new StorageError("unsupported", `${what}: JSON of more than ${MOST_VALUES} values`, {
      facts: { file: what },
      hint: "No backup program writes such a file: somebody made it by hand.",
    })
  }
  try {
    return JSON.parse(utf8.decode(bytes))
  } catch {
    throw new StorageError("corrupt", `${what}: not JSON`, { facts: { file: what } })
  }
}

/** No fewer than there are. */
function valuesIn(bytes: Uint8Array): number {
  let count = 1
  for (const byte of bytes) if (byte === COMMA || byte === OPEN_LIST || byte === OPEN_OBJECT) count++
  return count
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

/** Reads fields of an untrusted JSON object; a field of the wrong type is `corrupt`, with its name. */
export class JsonFields {
  readonly #object: JsonObject
  readonly #what: string

  constructor(value: unknown, what: string) {
    if (!isJsonObject(value))
      throw new StorageError("corrupt", `${what}: not a JSON object`, { facts: { file: what } })
    this.#object = value
    this.#what = what
  }

  /** The raw value; undefined when absent or null. */
  get(name: string): unknown {
    const value = Object.hasOwn(this.#object, name) ? this.#object[name] : undefined
    return value ?? undefined
  }

  optionalString(name: string): string | undefined {
    const value = this.get(name)
    if (value === undefined || typeof value === "string") return value
    throw this.#wrong(name, "a string")
  }

  string(name: string): string {
    return this.optionalString(name) ?? this.#absent(name)
  }

  optionalNumber(name: string): number | undefined {
    const value = this.get(name)
    if (value === undefined || typeof value === "number") return value
    throw this.#wrong(name, "a number")
  }

  number(name: string): number {
    return this.optionalNumber(name) ?? this.#absent(name)
  }

  optionalBoolean(name: string): boolean | undefined {
    const value = this.get(name)
    if (value === undefined || typeof value === "boolean") return value
    throw this.#wrong(name, "true or false")
  }

  optionalArray(name: string): readonly unknown[] | undefined {
    const value = this.get(name)
    if (value === undefined) return undefined
    if (Array.isArray(value)) return value as readonly unknown[]
    throw this.#wrong(name, "a list")
  }

  optionalObject(name: string): JsonFields | undefined {
    const value = this.get(name)
    return value === undefined ? undefined : new JsonFields(value, `${this.#what}: ${name}`)
  }

  object(name: string): JsonFields {
    return this.optionalObject(name) ?? this.#absent(name)
  }

  optionalStrings(name: string): readonly string[] | undefined {
    return this.optionalArray(name)?.map((value) => {
      if (typeof value !== "string") throw this.#wrong(name, "a list of strings")
      return value
    })
  }

  /** Base64 as Go writes `[]byte`. */
  base64(name: string): Uint8Array {
    const text = this.string(name)
    if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0) throw this.#wrong(name, "base64")
    return Buffer.from(text, "base64")
  }

  keys(): readonly string[] {
    return Object.keys(this.#object)
  }

  #wrong(name: string, expected: string): StorageError {
    return new StorageError("corrupt", `${this.#what}: ${name} is not ${expected}`, {
      facts: { file: this.#what },
    })
  }

  #absent(name: string): never {
    throw new StorageError("corrupt", `${this.#what}: ${name} is missing`, { facts: { file: this.#what } })
  }
}
