import { join } from "node:path"
import { formatIdentity } from "../../../storage/identity/index.js"
import { formatInstant } from "../../../storage/index.js"
import { guessConventions, type RepositoryContents } from "../../../storage/survey/index.js"
import type { Evidence } from "./evidence.js"
import type { KnownPassword } from "./passwords.js"
import type { Proposal } from "./proposal.js"
import { plainProposal } from "./render-proposal.js"

/** All that was found, for programs. Paths are absolute, times RFC 3339, `null` is "not known". */
export function adoptJson(
  evidence: Evidence,
  proposal: Proposal,
  passwords: readonly KnownPassword[],
): object {
  const { survey, contents, unlooked } = evidence
  const top = survey.top.realPath
  const absolute = (path: string): string =>
    path === "" ? top : path.startsWith("/") ? path : join(top, path)
  return {
    document: proposal.repositories.length === 0 ? null : plainProposal(proposal),
    found: contents.map((one) => ({
      path: absolute(one.path),
      ...foundJson(one, passwords),
      ...ownerJson(evidence, one.path),
      repository: entryOf(proposal, one),
    })),
    notices: proposal.notices.map((notice) => ({
      ...notice,
      path: notice.path === null ? null : absolute(notice.path),
    })),
    unlooked: unlooked.map(({ path, code, message }) => ({ path: absolute(path), code, message })),
    looked: { folders: survey.folders, names: survey.names },
  }
}

function foundJson(contents: RepositoryContents, passwords: readonly KnownPassword[]): object {
  const { engine, id, formatVersion, layout, password, snapshots, newest, identities, error } = contents
  return {
    engine,
    id: id ?? null,
    formatVersion: formatVersion ?? null,
    layout: layout ?? null,
    password: password === undefined ? null : (passwords[password]?.reference ?? null),
    snapshots: snapshots ?? null,
    newest: newest === undefined ? null : formatInstant(newest),
    identities: identities.map((one) => ({
      identity: formatIdentity(one.identity),
      snapshots: one.snapshots,
      newest: one.newest === undefined ? null : formatInstant(one.newest),
    })),
    volumes: guessConventions(identities).volumes.map(({ namespace, pvc }) => `${namespace}/${pvc}`),
    error:
      error === undefined ? null : { code: error.code, message: error.message, hint: error.hint ?? null },
  }
}

function ownerJson({ owners }: Evidence, path: string): object {
  const sample = owners.get(path)
  if (sample === undefined) return { owners: [], mode: null }
  return {
    owners: sample.owners.map(({ uid, gid, count }) => ({ uid, gid, count })),
    mode: sample.mode.toString(8).padStart(4, "0"),
  }
}

/** The name of the entry that it is in. */
function entryOf(proposal: Proposal, contents: RepositoryContents): string | null {
  return proposal.repositories.find(({ entry }) => entry.members.includes(contents))?.entry.name ?? null
}
