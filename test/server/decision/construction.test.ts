import { describe, expect, it } from "vitest"
import { CertainAbsence, type ServedFacts } from "../../../server/decision/absence.js"
import type { Fresh, Restore } from "../../../server/decision/decision.js"
import type { RepositoryFacts } from "../../../server/decision/facts.js"
import { AdministratorsWord } from "../../../server/decision/fresh-once.js"
import { CertainPresence } from "../../../server/decision/presence.js"
import { facts, holdingBackup, holdingNothing } from "./known-facts.js"

type Fits<Given, Wanted> = [Given] extends [Wanted] ? true : false
type CanBeNewed<Class> = Class extends new (...given: never[]) => unknown ? true : false
type ProofOf<Class extends new (...given: never[]) => unknown> = ConstructorParameters<Class>[0]
/** All public members of a type, as an object literal or another class could have them. */
type LookAlike<T> = { [Member in keyof T]: T[Member] }

// The compiler is this table's judge: a proof that could be had without its check makes `npm run check:types` fail.
const possible: {
  readonly newProofOfAbsence: CanBeNewed<typeof CertainAbsence>
  readonly newProofOfPresence: CanBeNewed<typeof CertainPresence>
  readonly newWord: CanBeNewed<typeof AdministratorsWord>
  readonly lookAlikeOfAbsence: Fits<LookAlike<CertainAbsence>, ProofOf<typeof Fresh>>
  readonly lookAlikeOfWord: Fits<LookAlike<AdministratorsWord>, ProofOf<typeof Fresh>>
  readonly lookAlikeOfPresence: Fits<LookAlike<CertainPresence>, ProofOf<typeof Restore>>
  readonly lookAlikeOfFresh: Fits<LookAlike<Fresh>, Fresh>
  readonly lookAlikeOfRestore: Fits<LookAlike<Restore>, Restore>
  readonly freshByPresence: Fits<CertainPresence, ProofOf<typeof Fresh>>
  readonly restoreByAbsence: Fits<CertainAbsence, ProofOf<typeof Restore>>
  readonly freshByWhatProveGives: Fits<ReturnType<typeof CertainAbsence.prove>, ProofOf<typeof Fresh>>
  readonly freshByTheProof: Fits<CertainAbsence, ProofOf<typeof Fresh>>
} = {
  newProofOfAbsence: false,
  newProofOfPresence: false,
  newWord: false,
  lookAlikeOfAbsence: false,
  lookAlikeOfWord: false,
  lookAlikeOfPresence: false,
  lookAlikeOfFresh: false,
  lookAlikeOfRestore: false,
  freshByPresence: false,
  restoreByAbsence: false,
  freshByWhatProveGives: false,
  freshByTheProof: true,
}

describe("a certain answer cannot be built without its proof", () => {
  it("as the compiler says, for which only the proof itself will do", () => {
    const ways = Object.entries(possible).filter(([, works]) => works)
    expect(ways).toEqual([["freshByTheProof", true]])
  })

  it("and the proof is refused where one fact is missing", () => {
    const served = (restore: RepositoryFacts): ServedFacts => ({
      ...facts(restore),
      restore: { kind: "repository", facts: restore },
    })
    const doubtful = holdingNothing({ running: { kind: "not_measured" } })
    const volume = { namespace: "home", pvc: "data" }
    expect(CertainAbsence.prove(served(holdingNothing()))).toBeInstanceOf(CertainAbsence)
    expect(CertainAbsence.prove(served(doubtful))).not.toBeInstanceOf(CertainAbsence)
    expect(CertainPresence.prove(holdingBackup(), volume)).toBeInstanceOf(CertainPresence)
    expect(CertainPresence.prove(holdingNothing(), volume)).not.toBeInstanceOf(CertainPresence)
    expect(AdministratorsWord.of({ kind: "not_granted" })).toBeUndefined()
  })
})
