import { Document, isMap, isScalar, isSeq, type Node, visit, YAMLMap, YAMLSeq } from "yaml"
import {
  emptyDocument,
  parseDocument,
  parsePlainDocument,
  plainDocument,
  planApply,
} from "../../config/index.js"
import { printable } from "../printable.js"
import type { Proposal, Proposed, RepositoryEntryDraft } from "./proposal.js"

type Plain = Readonly<Record<string, unknown>>

/** What is proposed, in the shape in which people write documents. */
export function plainProposal({ stores, clusters, repositories, exports }: Proposal): Plain {
  return {
    stores: stores.map(({ entry: { name, path, allowRoot } }) => ({
      name,
      path,
      ...(allowRoot ? { allowRoot } : {}),
    })),
    clusters: clusters.map(({ entry: { name, networks } }) => ({
      name,
      ...(networks.length === 0 ? {} : { networks }),
    })),
    repositories: repositories.map(({ entry }) => plainRepository(entry)),
    ...(exports.length === 0
      ? {}
      : {
          exports: exports.map(({ entry: { store, path, cluster, access, squash } }) => ({
            store,
            ...(path === "" ? {} : { path }),
            cluster,
            access,
            ...(squash === undefined ? {} : { squash }),
          })),
        }),
  }
}

function plainRepository(entry: RepositoryEntryDraft): Plain {
  const { name, cluster, engine, store, path, password, conventions, namespaces, namespaceOf, decides } =
    entry
  return {
    name,
    cluster,
    engine,
    store,
    ...(path === "" ? {} : { path }),
    ...(password === undefined ? {} : { password }),
    ...(conventions.length === 0 ? {} : { conventions }),
    namespaces,
    ...(Object.keys(namespaceOf).length === 0 ? {} : { namespaceMap: namespaceOf }),
    decides,
  }
}

/**
 * The proposal as YAML with its remarks as comments. Throws DocumentError where `apply` would not take it, which is a fault of
 * ours: the text itself is parsed and planned as `apply` does it, and must say what was meant.
 */
export function renderProposal(proposal: Proposal): string {
  const plain = plainProposal(proposal)
  const yaml = new Document(plain)
  yaml.commentBefore = comment(proposal.remarks)
  remarkOn(yaml, "stores", proposal.stores)
  remarkOn(yaml, "clusters", proposal.clusters)
  remarkOn(yaml, "repositories", proposal.repositories)
  remarkOn(yaml, "exports", proposal.exports)
  if (proposal.closing.length > 0) yaml.comment = comment(proposal.closing)
  spaceLists(yaml)
  flowSmallParts(yaml)
  const text = yaml.toString({ lineWidth: 0 })
  checkProposal(text, plain)
  return text
}

/** Lines that nothing found on a disk can break out of: control characters are shown as their numbers. */
function comment(remarks: readonly string[]): string {
  return remarks.map((remark) => ` ${printable(remark)}`).join("\n")
}

function spaceLists(yaml: Document): void {
  if (!(yaml.contents instanceof YAMLMap)) return
  for (const [at, { key }] of yaml.contents.items.entries())
    if (at > 0 && isScalar(key)) key.spaceBefore = true
}

function remarkOn(yaml: Document, list: string, proposed: readonly Proposed<unknown>[]): void {
  const items = yaml.get(list)
  if (!(items instanceof YAMLSeq)) return
  for (const [at, { remarks }] of proposed.entries()) {
    const item: unknown = items.items[at]
    if (item instanceof YAMLMap && remarks.length > 0) {
      item.commentBefore = comment(remarks)
      item.spaceBefore = at > 0
    }
  }
}

/** What fits a line is written in one, except the lists of entries and a long map of namespaces. */
function flowSmallParts(yaml: Document): void {
  visit(yaml, {
    Collection: (_, node, path) => {
      const inEntry = path.filter((above) => isMap(above)).length > 1
      if (inEntry && isSmall(node)) node.flow = true
    },
  })
}

function isSmall(node: YAMLMap | YAMLSeq): boolean {
  return node.items.length <= 4 && (isSeq(node) ? node.items.every(isPlain) : true)
}

function isPlain(item: unknown): boolean {
  return isScalar(item as Node)
}

function checkProposal(text: string, plain: Plain): void {
  const { document, locate } = parseDocument(text)
  planApply(emptyDocument, document, { secrets: { has: () => false, holds: () => false }, locate })
  const meant = JSON.stringify(plainDocument(parsePlainDocument(plain)))
  if (JSON.stringify(plainDocument(document)) !== meant) {
    throw new RangeError("the proposed document does not say what was meant")
  }
}
