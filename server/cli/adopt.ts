import { resolve } from "node:path"
import { type Command, InvalidArgumentError, Option } from "commander"
import { isNamespace } from "../../storage/identity/index.js"
import { StorageError } from "../../storage/index.js"
import { parseNetwork } from "../../storage/network.js"
import { adoptJson } from "./adopt/adopt-json.js"
import { gatherEvidence } from "./adopt/evidence.js"
import { exitCodeOf, noticeLines } from "./adopt/notices.js"
import { readPasswords } from "./adopt/passwords.js"
import type { Proposal } from "./adopt/proposal.js"
import { type Networks, propose } from "./adopt/propose.js"
import { renderProposal } from "./adopt/render-proposal.js"
import { usageError } from "./cli-error.js"
import type { Context } from "./context.js"
import { printable } from "./printable.js"

interface Options {
  readonly cluster?: string
  readonly namespace?: string
  readonly networks: readonly string[]
  readonly passwordFile: readonly string[]
  readonly passwordEnv: readonly string[]
  readonly depth: number
  readonly names: number
  readonly seconds: number
  readonly json?: boolean
}

/** Names read of one folder: more than any tree of volumes has, and read in a moment. */
const MOST_IN_FOLDER = 20_000

export function adoptCommand(program: Command, context: Context): void {
  program
    .command("adopt")
    .argument("<path>", "the directory that movers have been writing below")
    .description("propose a document for what movers left in a directory; changes nothing, needs no daemon")
    .option("--cluster <name>", "all of it is this cluster's; else it is guessed")
    .option("--namespace <name>", "the namespace of volumes whose directories do not say it")
    .option(
      "--networks <cidr...>",
      "networks of the cluster, or NAME=CIDR of several; with it exports are proposed",
      [],
    )
    .addOption(repeated("--password-file <file>", "a file that holds a password; may be given several times"))
    .addOption(
      repeated("--password-env <name>", "a variable that holds a password; may be given several times"),
    )
    .addOption(limit("--depth <levels>", "levels of folders to look into", 16))
    .addOption(limit("--names <count>", "names to read at most", 2_000_000))
    .addOption(limit("--seconds <count>", "time after which nothing more is looked at", 600))
    .option("--json", "print JSON")
    .action((path: string, options: Options) => adopt(path, options, context))
}

function repeated(flags: string, description: string): Option {
  return new Option(flags, description)
    .argParser((value: string, before: readonly string[]) => [...before, value])
    .default([], "none")
}

function limit(flags: string, description: string, usual: number): Option {
  return new Option(flags, description).default(usual).argParser((text: string) => {
    if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError("A whole number above 0 is wanted.")
    return Number(text)
  })
}

async function adopt(path: string, options: Options, context: Context): Promise<void> {
  const { out } = context
  const { cluster, namespace, depth, names, seconds } = options
  if (cluster !== undefined && !isNamespace(cluster))
    throw usageError(`not the name of a cluster: ${JSON.stringify(cluster)}`)
  if (namespace !== undefined && !isNamespace(namespace))
    throw usageError(`not a namespace: ${JSON.stringify(namespace)}`)
  const networks = parseNetworks(options.networks)
  const passwords = readPasswords(options.passwordFile, options.passwordEnv, context.environment)
  const now = (): number => performance.now()
  const evidence = await gatherEvidence(
    resolve(path),
    passwords.map(({ secret }) => secret),
    { depth, names, namesInFolder: MOST_IN_FOLDER, now, deadline: now() + seconds * 1_000 },
  )
  const proposal = propose(evidence, { cluster, namespace, passwords, networks })
  const found = proposal.repositories.length
  if (found > 0) checkNetworks(networks, proposal)
  const text = found > 0 ? renderProposal(proposal) : undefined
  if (options.json === true) out.json(adoptJson(evidence, proposal, passwords))
  else if (text !== undefined) out.text(text)
  const unlooked = evidence.unlooked.map(
    (one) => `not looked at: ${one.path === "" ? "." : one.path}: ${one.message} [${one.code}]`,
  )
  for (const line of [...noticeLines(proposal.notices), ...unlooked]) out.note(printable(line))
  if (found === 0) {
    out.note(
      printable(
        `No repository was found in ${evidence.survey.top.realPath}: ${evidence.survey.folders} folders were looked into.`,
      ),
    )
  }
  context.exitWith(exitCodeOf(found, proposal.notices, evidence.unlooked))
}

/** `CIDR` for the only cluster, or `NAME=CIDR`. */
function parseNetworks(texts: readonly string[]): Networks {
  const ofAll: string[] = []
  const byCluster = new Map<string, string[]>()
  for (const text of texts) {
    const equals = text.indexOf("=")
    const network = text.slice(equals + 1)
    checkNetwork(network)
    if (equals < 0) ofAll.push(network)
    else byCluster.set(text.slice(0, equals), [...(byCluster.get(text.slice(0, equals)) ?? []), network])
  }
  return { ofAll, byCluster }
}

function checkNetwork(text: string): void {
  try {
    parseNetwork(text)
  } catch (error) {
    if (error instanceof StorageError) throw usageError(error.message, error.hint)
    throw error
  }
}

function checkNetworks({ ofAll, byCluster }: Networks, { clusters }: Proposal): void {
  const names = clusters.map(({ entry }) => entry.name)
  if (ofAll.length > 0 && names.length > 1) {
    throw usageError(
      `${ofAll.join(", ")}: of which cluster? There are ${names.join(", ")}`,
      `Write --networks ${names[0] ?? ""}=${ofAll[0] ?? ""}, or say with --cluster that there is one.`,
    )
  }
  const unknown = [...byCluster.keys()].find((name) => !names.includes(name))
  if (unknown !== undefined) {
    throw usageError(`no cluster is called ${JSON.stringify(unknown)}: there is ${names.join(", ")}`)
  }
}
