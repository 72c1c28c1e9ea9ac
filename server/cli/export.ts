import type { Command } from "commander"
import { documentJsonSchema, parsePlainDocument, plainDocument, renderDocument } from "../config/index.js"
import { adminPaths, documentJson } from "../http/contract/admin.js"
import type { Context } from "./context.js"

interface Options {
  readonly schema?: boolean
  readonly json?: boolean
}

export function exportCommand(program: Command, context: Context): void {
  program
    .command("export")
    .description("print the applied document, with references in place of secret values")
    .option("--json", "print JSON instead of YAML")
    .option("--schema", "print the JSON Schema of documents instead; needs no daemon")
    .action(async ({ schema, json }: Options) => {
      if (schema === true) {
        context.out.json(documentJsonSchema())
        return
      }
      const { document } = await context.daemon().get(adminPaths.document, documentJson)
      const parsed = parsePlainDocument(document)
      if (json === true) context.out.json(plainDocument(parsed))
      else context.out.text(renderDocument(parsed))
    })
}

export function schemaCommand(program: Command, context: Context): void {
  program
    .command("schema")
    .description("print the JSON Schema of documents, for editors")
    .action(() => {
      context.out.json(documentJsonSchema())
    })
}
