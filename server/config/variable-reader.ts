import type { Environment } from "./environment.js"
import { parseGoDuration } from "./go-duration.js"

/** Reads environment variables by rule and gathers what is wrong. An empty variable counts as not set, as in pvc-plumber. */
export class VariableReader {
  readonly faults: string[] = []
  readonly #env: Environment

  constructor(env: Environment) {
    this.#env = env
  }

  text(name: string): string | undefined {
    const value = this.#env[name]
    return value === "" ? undefined : value
  }

  isSetEmpty(name: string): boolean {
    return this.#env[name] === ""
  }

  /** Its value is never told, because it may be a secret. */
  required(name: string, by: string): string {
    const value = this.text(name)
    if (value === undefined) this.faults.push(`${name} is required for ${by}, and it is not set`)
    return value ?? ""
  }

  oneOf<Name extends string>(name: string, names: readonly Name[], usual: Name): Name | undefined {
    const value = this.text(name)
    if (value === undefined) return usual
    const known = names.find((one) => one === value)
    if (known === undefined) this.refuse(name, `must be one of ${names.join(", ")}`)
    return known
  }

  /** Milliseconds; 1 where it was refused, so that a fault is not told twice. */
  duration(name: string, usual: string): number {
    const ms = parseGoDuration(this.text(name) ?? usual)
    if (ms === undefined) this.refuse(name, "is not a duration such as 500ms, 3s or 1m30s")
    return ms ?? 1
  }

  /** As Go's strconv.ParseBool; false when not set. */
  flag(name: string): boolean {
    const value = this.text(name)
    if (value === undefined) return false
    if (["1", "t", "T", "TRUE", "true", "True"].includes(value)) return true
    if (!["0", "f", "F", "FALSE", "false", "False"].includes(value))
      this.refuse(name, "is neither true nor false")
    return false
  }

  port(name: string, usual: number): number {
    const value = this.text(name)
    if (value === undefined) return usual
    const port = /^\d{1,5}$/.test(value) ? Number(value) : NaN
    if (!(port <= 65_535)) this.refuse(name, "is not a port from 0 to 65535")
    return port
  }

  refuse(name: string, rule: string): void {
    this.faults.push(`${name}=${JSON.stringify(this.text(name) ?? "")} ${rule}`)
  }
}
