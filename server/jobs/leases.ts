import { type JobSubject, subjectKey } from "./kind.js"

/** What a run takes while it is under way. */
export interface Lease {
  readonly kind: string
  readonly subject: JobSubject
  readonly changing: boolean
  readonly light: boolean
  /** What its work keeps busy; undefined: none. */
  readonly disk: string | undefined
}

export interface RunLimits {
  /** So many runs at once, light ones not counted. */
  readonly atOnce: number
  readonly perDisk: number
}

export const usualLimits: RunLimits = { atOnce: 2, perDisk: 1 }

/** Why a run must wait. `who`: the one that it waits for, where it is one. */
export interface Blocked {
  readonly of: "everything" | "disk" | "itself"
  readonly why: string
  readonly who?: string
}

/** Who works on what. Nothing here takes time: asking and taking happen in one step. */
export class Leases {
  readonly #limits: RunLimits
  readonly #held = new Map<string, Lease>()

  constructor(limits: RunLimits) {
    this.#limits = limits
  }

  get size(): number {
    return this.#held.size
  }

  /** Undefined: it may begin. */
  blocked(lease: Lease): Blocked | undefined {
    const held = [...this.#held]
    const busy = held.filter(([, other]) => !other.light)
    if (!lease.light && busy.length >= this.#limits.atOnce) {
      return { of: "everything", why: `${busy.length} runs are under way, and no more at once` }
    }
    const { disk } = lease
    if (!lease.light && disk !== undefined) {
      const same = busy.filter(([, other]) => other.disk === disk).length
      if (same >= this.#limits.perDisk) return { of: "disk", why: "another run keeps its disks busy" }
    }
    const rival = held.find(([, other]) => excludes(lease, other))
    return rival && { of: "itself", why: `run ${rival[0]} (${rival[1].kind}) is on it`, who: rival[0] }
  }

  /** Throws when it is blocked: that would be a fault of ours. */
  take(run: string, lease: Lease): void {
    const blocked = this.blocked(lease)
    if (blocked !== undefined || this.#held.has(run)) {
      throw new Error(`run ${run} may not begin: ${blocked?.why ?? "it is under way"}`)
    }
    this.#held.set(run, lease)
  }

  release(run: string): void {
    this.#held.delete(run)
  }
}

function excludes(one: Lease, other: Lease): boolean {
  if (one.kind === other.kind && subjectKey(one.subject) === subjectKey(other.subject)) return true
  return one.changing && other.changing && meet(one.subject, other.subject)
}

function meet(one: JobSubject, other: JobSubject): boolean {
  if (one.type === "whole" || other.type === "whole") return true
  if (one.type === "repository" && other.type === "repository") return one.place === other.place
  return one.store === other.store
}
