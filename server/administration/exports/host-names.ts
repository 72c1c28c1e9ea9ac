import { lookup } from "node:dns/promises"
import { setTimeout as delay } from "node:timers/promises"
import { canonicalClient } from "../../../storage/nfs/index.js"
import { errnoOf } from "../../../storage/errno.js"
import type { Clock } from "../../catalog/index.js"
import type { HostMemory } from "./host-memory.js"

/** What a declared host name stands for. */
export interface NamedHost {
  readonly name: string
  /** Single addresses in CIDR, sorted; empty: nobody may mount by this name now. */
  readonly addresses: readonly string[]
  /** Why it has none, or why they are those of before. */
  readonly problem: string | null
}

export interface HostNamesParts {
  readonly clock: Clock
  /** The addresses of a name, as the machine's own resolver tells them. */
  readonly resolve: (name: string) => Promise<readonly string[]>
  readonly memory: HostMemory
}

interface Known {
  addresses: readonly string[]
  problem: string | null
  /** On the monotonic clock: when the addresses were told last, or read from memory. */
  confirmedAt: number
  askedAt: number | undefined
}

const FRESH_MS = 10_000
const WAIT_MS = 300
/** A name server that starts anew does not know for a while what it will know again. */
const DENIED_MS = 600_000
/** A name with more is no host. */
const MOST_ADDRESSES = 16

/**
 * The addresses of declared hosts. They are looked up here and not by the NFS server: `exportfs` waits 5 s and more for each name that is not
 * told, drops it without a word, and shows it under another name than it was given.
 */
export class HostNames {
  readonly #parts: HostNamesParts
  readonly #known = new Map<string, Known>()
  /** One question at a time: each may hold one of the process' four threads for file access. */
  #asking: Promise<void> | undefined

  constructor(parts: HostNamesParts) {
    this.#parts = parts
  }

  /** Waits a moment; what was not told by then is what it was before. Other names than these are forgotten. */
  async look(names: readonly string[]): Promise<ReadonlyMap<string, NamedHost>> {
    for (const name of this.#known.keys()) if (!names.includes(name)) this.#known.delete(name)
    for (const name of names) this.#begin(name)
    // A question that is not answered yet is not waited for once more: withdrawals must not wait for name servers.
    if (this.#asking === undefined && names.some((name) => this.#isDue(name))) {
      this.#asking = this.#askAll().finally(() => {
        this.#asking = undefined
      })
      await Promise.race([this.#asking, delay(WAIT_MS, undefined, { ref: false })])
    }
    return this.last()
  }

  /** The same without asking anybody. */
  last(): ReadonlyMap<string, NamedHost> {
    return new Map(
      [...this.#known].map(([name, { addresses, problem }]) => [name, { name, addresses, problem }]),
    )
  }

  #begin(name: string): void {
    if (this.#known.has(name)) return
    this.#known.set(name, {
      addresses: this.#parts.memory.of(name),
      problem: `nobody has told yet what address ${name} has`,
      confirmedAt: this.#parts.clock.now().mono,
      askedAt: undefined,
    })
  }

  #isDue(name: string): boolean {
    const askedAt = this.#known.get(name)?.askedAt
    return askedAt === undefined || this.#parts.clock.now().mono - askedAt >= FRESH_MS
  }

  async #askAll(): Promise<void> {
    // Those that were told before are not kept waiting by those that never are.
    const due = [...this.#known].filter(([name]) => this.#isDue(name))
    due.sort(([, one], [, other]) => Number(one.problem !== null) - Number(other.problem !== null))
    for (const [name, known] of due) {
      await this.#ask(name, known)
      this.#parts.memory.keep(new Map([...this.#known].map(([one, { addresses }]) => [one, addresses])))
    }
  }

  async #ask(name: string, known: Known): Promise<void> {
    const { clock, resolve } = this.#parts
    try {
      const told = addressesOf(await resolve(name))
      if (told.kind === "none") {
        Object.assign(known, { addresses: [], problem: `${name} ${told.why}` })
      } else {
        Object.assign(known, { addresses: told.addresses, problem: null, confirmedAt: clock.now().mono })
      }
    } catch (error) {
      const code = errnoOf(error) ?? "unknown"
      const denied = code === "ENOTFOUND" || code === "ENODATA"
      if (denied && clock.now().mono - known.confirmedAt >= DENIED_MS) known.addresses = []
      const kept = known.addresses.length === 0 ? "" : "; its addresses of before still count"
      known.problem = `${name} ${denied ? "has no address" : "could not be looked up"} (${code})${kept}`
    }
    known.askedAt = clock.now().mono
  }
}

type Told =
  | { readonly kind: "some"; readonly addresses: readonly string[] }
  | { readonly kind: "none"; readonly why: string }

/** Nameservers that block a name give it an address that no machine has. */
function addressesOf(told: readonly string[]): Told {
  const networks = told.flatMap((address) => (isHost(address) ? [single(address)] : []))
  const addresses = [...new Set(networks)].sort()
  if (addresses.length === 0) {
    return { kind: "none", why: `has no address that a machine can have (${told.slice(0, 3).join(", ")})` }
  }
  if (addresses.length > MOST_ADDRESSES) {
    return { kind: "none", why: `has ${addresses.length} addresses; a host has at most ${MOST_ADDRESSES}` }
  }
  return { kind: "some", addresses }
}

function single(address: string): string {
  return canonicalClient(`${address}/${address.includes(":") ? 128 : 32}`)
}

/** Not unspecified, not multicast or reserved, and not of one link, which says nothing without that link. */
function isHost(address: string): boolean {
  if (address.includes("%")) return false
  return !/^(0\.|22[4-9]\.|23\d\.|24\d\.|25\d\.|::$|ff|fe[89ab])/i.test(address)
}

/** By the machine's own resolver, which also reads /etc/hosts. */
export async function resolveHost(name: string): Promise<readonly string[]> {
  return (await lookup(name, { all: true })).map(({ address }) => address)
}
