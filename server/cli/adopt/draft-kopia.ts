import type { ConventionSpec, VolumeName } from "../../../storage/identity/index.js"
import { type ConventionGuess, type RepositoryContents, writtenOf } from "../../../storage/survey/index.js"
import { usualConvention } from "../../config/index.js"
import { countOf, manyOf, shownFormat, shownTime } from "./describe.js"
import type { Drafting, Placed } from "./drafting.js"
import type { AdoptNotice, RepositoryDraft } from "./proposal.js"
import { suggestVolumes } from "./suggest-volumes.js"

/** The entry of a Kopia repository, with the conventions that explain its identities. */
export function kopiaDraft(
  { contents, cluster, store, path }: Placed,
  guess: ConventionGuess,
  { passwords }: Drafting,
  notices: AdoptNotice[],
): RepositoryDraft {
  const { identities, layout, id, password } = contents
  const listed = contents.snapshots !== undefined
  const conventions: readonly ConventionSpec[] =
    guess.conventions.length === 0 ? [usualConvention] : guess.conventions.map(({ spec }) => spec)
  const suggestion = suggestVolumes(guess.unclear)
  for (const { identity, why } of guess.unclear) {
    const text = `${identity.user}@${identity.host}:${identity.path}`
    notices.push({
      code: "unclear_identity",
      path: contents.path,
      message: `${text}: ${why}`,
      hint: "Say whose it is under `volumes:` of the repository, or that it is nobody's under `dismissed:`.",
    })
  }
  return {
    cluster,
    engine: "kopia",
    store,
    path,
    password: password === undefined ? undefined : passwords[password]?.reference,
    conventions,
    namespaces: ["*"],
    namespaceOf: {},
    members: [contents],
    telling: true,
    family: `kopia ${store}:${path}`,
    remarks: [
      `Kopia${shownFormat(contents)}${layout === undefined ? "" : `, ${shownLayout(layout)}`}${id === undefined ? "" : `, id ${id}`}.`,
      ...(listed
        ? [
            `${countOf(contents.snapshots, "snapshot")} of ${countOf(identities.length, "identity", "identities")}, newest ${shownTime(contents.newest)}.`,
            ...namespacesLine(guess.volumes),
            ...conventionLines(guess, identities.length),
          ]
        : ["check: its conventions could not be looked at; this is the usual one."]),
      ...suggestion,
    ],
  }
}

function shownLayout(layout: NonNullable<RepositoryContents["layout"]>): string {
  if (layout === "objects") return "files named as objects of a bucket are"
  return layout.length === 0 ? "flat" : `folders of ${layout.join(" and ")} characters`
}

function namespacesLine(volumes: readonly VolumeName[]): string[] {
  const namespaces = [...new Set(volumes.map(({ namespace }) => namespace))].sort()
  return namespaces.length === 0 ? [] : [`Namespaces seen: ${manyOf(namespaces)}.`]
}

function conventionLines({ conventions, unclear }: ConventionGuess, identities: number): string[] {
  if (identities === 0) return ["check: it holds no snapshots, so this is the usual convention."]
  if (conventions.length === 0) {
    return [
      "check: no convention explains its identities; this is the usual one, and by it every volume is unknown.",
    ]
  }
  const [first, ...others] = conventions.map(
    ({ spec, identities: named, snapshots }) =>
      `${writtenOf(spec)} explains ${countOf(named, "identity", "identities")} with ${countOf(snapshots, "snapshot")}`,
  )
  return [
    `${first}.`,
    ...others.map((line) => `Further: ${line}.`),
    ...(others.length === 0
      ? []
      : ["check: the first one must be what your movers restore from; the others only guard."]),
    ...(unclear.length === 0
      ? []
      : [`check: of ${countOf(unclear.length, "identity", "identities")} it is not clear whose they are.`]),
  ]
}
