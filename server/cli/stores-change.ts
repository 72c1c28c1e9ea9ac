import type { Command } from "commander"
import {
  adminPaths,
  type CreateStoreRequest,
  storeCreatedJson,
  storeWithdrawnJson,
  type WithdrawStoreRequest,
} from "../http/contract/admin.js"
import { carryOut, type CarryOutOptions } from "./carry-out.js"
import type { Context } from "./context.js"

interface CreateOptions extends CarryOutOptions {
  readonly allowRoot?: boolean
  readonly make?: boolean
}

interface WithdrawOptions extends CarryOutOptions {
  readonly withRepositories?: boolean
  readonly accept: readonly string[]
}

export function storesChangeCommands(stores: Command, context: Context): void {
  stores
    .command("create")
    .argument("<name>", "what it is to be called")
    .argument("<path>", "a directory on a mounted filesystem")
    .description("declare one more store beside what is declared; shows what changes first")
    .option("--allow-root", "also on the machine's own root filesystem")
    .option("--make", "make the directory; never under a mount point of fstab that nothing is mounted on")
    .option("--dry-run", "only show what would change")
    .option("-y, --yes", "do not ask")
    .option("--json", "print JSON")
    .action((name: string, path: string, options: CreateOptions) => create(name, path, options, context))
  stores
    .command("withdraw")
    .argument("<name>", "the store")
    .description("withdraw its exports, then take it out of the document; never touches data, ledger or pins")
    .option("--with-repositories", "also detach the repositories in it")
    .option("--accept <id...>", "acknowledge what loosens a decision, by the ids that the plan shows", [])
    .option("--dry-run", "only show what would change")
    .option("-y, --yes", "do not ask")
    .option("--json", "print JSON")
    .action((name: string, options: WithdrawOptions) => withdraw(name, options, context))
}

async function create(name: string, path: string, options: CreateOptions, context: Context): Promise<void> {
  const request: CreateStoreRequest = {
    name,
    path,
    allowRoot: options.allowRoot ?? false,
    make: options.make ?? false,
  }
  await carryOut(
    {
      send: (more) => context.daemon().send("POST", adminPaths.stores, { ...request, ...more }),
      schema: storeCreatedJson,
      more: ({ made }) => made.map((directory) => `makes the directory ${directory}`),
      question: `Declare store ${name}?`,
      done: `Store ${name} is declared. \`cistern stores show ${name}\` tells what its filesystem can do.`,
    },
    options,
    context,
  )
}

async function withdraw(name: string, options: WithdrawOptions, context: Context): Promise<void> {
  const path = `${adminPaths.stores}/${encodeURIComponent(name)}/withdraw`
  const request: WithdrawStoreRequest = {
    withRepositories: options.withRepositories ?? false,
    accept: [...options.accept],
  }
  await carryOut(
    {
      send: (more) => context.daemon().send("POST", path, { ...request, ...more }),
      schema: storeWithdrawnJson,
      more: ({ clients }) => clients,
      question: `Withdraw store ${name}?`,
      done: `Store ${name} is withdrawn. Its data, sentinel, ledger and pins are as they were: \`cistern apply\` of a document that names it brings it back.`,
    },
    options,
    context,
  )
}
