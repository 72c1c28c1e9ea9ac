import { expect } from "vitest"
import { newClaim, type Review } from "./engine.js"

/** Let through by every policy, as one that is filled from its backup. */
export function expectRestored({ policies, volumes }: Review, volume: string): void {
  const name = volume.split("/")[1] ?? ""
  const dataSourceRef = {
    apiGroup: "volsync.backube",
    kind: "ReplicationDestination",
    name: `${name}-backup`,
  }
  const claim = newClaim(volume)
  expect(volumes.get(volume)).toEqual({
    lookedAt: policies,
    denials: [],
    claim: { ...claim, spec: { ...claim.spec, dataSourceRef } },
  })
}

/** Let through by every policy, as it came. */
export function expectUnchanged({ policies, volumes }: Review, volume: string): void {
  expect(volumes.get(volume)).toEqual({
    lookedAt: policies,
    denials: [],
    claim: newClaim(volume),
  })
}

/** Denied with each of these texts said somewhere, and not changed into something that could be created empty. */
export function expectDenied({ volumes }: Review, volume: string, ...said: readonly string[]): void {
  const outcome = volumes.get(volume)
  expect(outcome?.denials, volume).not.toEqual([])
  for (const text of said) expect(outcome?.denials.join("\n"), volume).toContain(text)
  expect(outcome?.claim.spec.dataSourceRef).toBeUndefined()
}
