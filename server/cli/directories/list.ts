import type { Command } from "commander"
import {
  directoriesJson,
  directoryCreatedJson,
  type DirectoryJson,
  directoryPaths,
} from "../../http/contract/directories.js"
import type { Context } from "../context.js"
import { exitCodes } from "../exit-codes.js"
import { printable } from "../printable.js"
import type { Column } from "../table.js"
import { targetArgument, type TargetOptions, withTarget } from "./target-argument.js"

const columns: readonly Column<DirectoryJson>[] = [
  { title: "STATE", of: ({ state, problem }) => (problem === null ? state : `${state}: ${problem.code}`) },
  { title: "DIRECTORY", of: ({ store, path }) => `${store}:${path}` },
  { title: "REPOSITORY", of: ({ repository }) => repository },
  { title: "OWNER", of: ({ actual }) => (actual === null ? "-" : `${actual.uid}:${actual.gid}`) },
  { title: "SHOULD BE", of: ({ expected }) => (expected === null ? "-" : `${expected.uid}:${expected.gid}`) },
  { title: "MODE", of: ({ actual }) => actual?.mode ?? "-" },
]

interface ListOptions {
  readonly store?: string
  readonly repository?: string
  readonly json?: boolean
}

export function listCommands(directories: Command, context: Context): void {
  directories
    .command("list", { isDefault: true })
    .description("list them with their state")
    .option("--store <name>", "only those of this store")
    .option("--repository <name>", "only those of this repository")
    .option("--json", "print JSON")
    .action(async (options: ListOptions) => {
      const answer = await rows(options, context)
      if (options.json === true) context.out.json({ directories: answer })
      else context.out.table(answer, columns, "No repository in a store is declared.")
    })
  directories
    .command("audit")
    .description(
      "say of each that is wrong which it is, who wrote what there, and what to do; ends with 1 when one is",
    )
    .option("--store <name>", "only those of this store")
    .option("--repository <name>", "only those of this repository")
    .option("--json", "print JSON")
    .action(async (options: ListOptions) => {
      const answer = await rows(options, context)
      const wrong = answer.filter(({ state }) => state === "wrong")
      const unknown = answer.filter(({ state }) => state === "unknown")
      if (options.json === true) context.out.json({ directories: answer })
      else context.out.text(audited(answer, context))
      if (wrong.length > 0) context.exitWith(exitCodes.wrong)
      else if (unknown.length > 0) context.exitWith(exitCodes.unclear)
    })
}

function rows({ store, repository }: ListOptions, context: Context): Promise<DirectoryJson[]> {
  const query = { store, repository }
  return context
    .daemon()
    .get(directoryPaths.directories, directoriesJson, query)
    .then(({ directories }) => directories)
}

function audited(answer: readonly DirectoryJson[], { out }: Context): string {
  const lines = answer.flatMap(({ store, path, state, problem, findings }) => {
    const name = printable(`${store}:${path}`)
    if (findings.length === 0) {
      return state === "unknown" && problem !== null
        ? [
            `${out.colour("yellow", "unknown")}  ${name}: ${printable(problem.message)}`,
            ...hinted(problem.hint),
          ]
        : []
    }
    return findings.flatMap(({ severity, message, hint }) => [
      `${severity === "fail" ? out.colour("red", "FAIL   ") : out.colour("yellow", "warn   ")}  ${name}: ${printable(message)}`,
      ...hinted(hint),
    ])
  })
  const of = (wanted: DirectoryJson["state"]): number => answer.filter(({ state }) => state === wanted).length
  return [
    ...lines,
    `${of("ok")} right, ${of("wrong")} wrong, ${of("missing")} not there, ${of("unknown")} not known.`,
  ].join("\n")
}

function hinted(hint: string | null): string[] {
  return hint === null ? [] : [`         ${printable(hint)}`]
}

export function createCommand(directories: Command, context: Context): void {
  withTarget(directories.command("create"))
    .description(
      "make a repository's directory ahead of the mover, with its owner and mode; one that is there stays as it is",
    )
    .option("--accept-mount <path>", "a filesystem that is mounted on the way belongs there")
    .option("--json", "print JSON")
    .action(
      async (
        argument: string,
        { acceptMount, json, ...options }: TargetOptions & { acceptMount?: string; json?: boolean },
      ) => {
        const target = targetArgument(argument, options)
        const request = { ...target, ...(acceptMount === undefined ? {} : { acceptMount }) }
        const answer = await context.daemon().post(directoryPaths.directories, request, directoryCreatedJson)
        if (json === true) {
          context.out.json(answer)
          return
        }
        const last = answer.directories.length - 1
        const told = answer.directories.flatMap(({ directory, made, uid, gid, mode }, at) =>
          made
            ? [`made ${printable(directory)} (${uid}:${gid}, mode ${mode})`]
            : at === last
              ? [
                  `${printable(directory)} is there already (${uid}:${gid}, mode ${mode}); nothing was changed`,
                ]
              : [],
        )
        context.out.text(told.join("\n"))
      },
    )
}
