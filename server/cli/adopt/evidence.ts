import { join } from "node:path"
import { type OwnershipSample, sampleOwnership } from "../../../storage/disk/index.js"
import { type Secret, StorageError } from "../../../storage/index.js"
import {
  readContents,
  type RepositoryContents,
  type Survey,
  type SurveyLimits,
  surveyTree,
  type Unlooked,
  unopened,
} from "../../../storage/survey/index.js"

/** Everything that was seen below a place. */
export interface Evidence {
  readonly survey: Survey
  /** One for each repository of the survey, in its order. */
  readonly contents: readonly RepositoryContents[]
  /** Whose files of a repository are, by its path. */
  readonly owners: ReadonlyMap<string, OwnershipSample>
  /** What was not looked at, by the survey or for want of time. */
  readonly unlooked: readonly Unlooked[]
}

/** Stretching a password takes a core and 64 MiB, and the machine is a NAS. */
const WIDTH = 2
/** Files and folders of each repository whose owner is looked at. */
const MOST_OWNED = 50

/** Surveys a directory and opens what is there. Throws StorageError for the directory itself. */
export async function gatherEvidence(
  directory: string,
  passwords: readonly Secret[],
  limits: SurveyLimits,
): Promise<Evidence> {
  const survey = surveyTree(directory, limits)
  const unlooked = [...survey.unlooked]
  const contents = new Map(survey.repositories.map((found) => [found, unopened(found)]))
  const queue = survey.repositories.values()
  let likely = 0
  const work = async (): Promise<void> => {
    for (const found of queue) {
      if (limits.now() >= limits.deadline) {
        unlooked.push({ path: found.path, code: "limit", message: "not opened: the time was over" })
        continue
      }
      // Most repositories of a tree have the password of the one before.
      const order = [...passwords.keys()].sort(
        (one, other) => Number(other === likely) - Number(one === likely),
      )
      const tried = order.flatMap((at) => passwords[at] ?? [])
      const read = await readContents(survey.top.realPath, found, tried)
      const password = read.password === undefined ? undefined : order[read.password]
      likely = password ?? likely
      contents.set(found, { ...read, password })
    }
  }
  await Promise.all(Array.from({ length: WIDTH }, work))
  return { survey, contents: [...contents.values()], owners: ownersOf(survey), unlooked }
}

function ownersOf({ top, repositories }: Survey): Map<string, OwnershipSample> {
  const owners = new Map<string, OwnershipSample>()
  for (const { path } of repositories) {
    try {
      owners.set(path, sampleOwnership(join(top.realPath, path), MOST_OWNED))
    } catch (error) {
      // It is gone or may not be read, which its listing has said.
      if (!(error instanceof StorageError)) throw error
    }
  }
  return owners
}
